"""Rules of the firewall, as the node spec writes them (section 24)."""

from pilothouse.node import firewall_rules

PARAMETERS = {
    "ip_list": [("lo", "127.0.0.1"), ("route_a", "10.0.0.1")],
    "full_ip_list": [
        ("route_b", "10.0.0.2", "10.0.0.254", "255.255.255.0", "10.0.0.0"),
        ("route_b", "fd00::1", "", "", ""),
    ],
}
ADD = "--permanent --direct --add-rule ipv4 filter "


def test_only_routed_addresses_get_rules_and_peers_are_others() -> None:
    hosting = [("a", "10.0.0.2"), ("a", "10.0.0.7"), ("a", "fd00::7"), ("a", "10.0.0.7")]
    found = firewall_rules.traffic(PARAMETERS, {}, hosting, "")
    assert (found.own, found.peers, found.restricted) == (("10.0.0.1", "10.0.0.2"), ("10.0.0.7",), True)
    rules = firewall_rules.rules(found)
    assert rules[:6] == [
        f"{ADD}INPUT 0 -s 10.0.0.7 -d 10.0.0.1 -j ACCEPT",
        f"{ADD}FORWARD 0 -s 10.0.0.7 -d 10.0.0.1 -j ACCEPT",
        f"{ADD}INPUT 1000 -d 10.0.0.1 -j REJECT",
        f"{ADD}FORWARD 1000 -d 10.0.0.1 -j REJECT",
        f"{ADD}INPUT 900 -d 10.0.0.1 -m state --state ESTABLISHED,RELATED -j REJECT",
        f"{ADD}FORWARD 900 -d 10.0.0.1 -m state --state ESTABLISHED,RELATED -j REJECT",
    ]
    assert len(rules) == 12
    assert all(firewall_rules.is_rule(rule) for rule in rules)


def test_sources_that_are_none_are_ignored() -> None:
    filters = {"fw_restricted_access": "off", "fw_rejected_sources": "10.9.9.9/8 x -j", "fw_authorized_sources": "y"}
    found = firewall_rules.traffic({"ip_list": [("route_a", "10.0.0.1")]}, filters, [], "10.1.0.0/16\n z")
    assert (found.accepted, found.rejected) == (("10.1.0.0/16",), ("10.9.9.9/8",))
    assert found.ignored == ("y", "z", "x", "-j")
    assert not found.restricted


def test_without_a_routed_address_there_are_no_rules() -> None:
    found = firewall_rules.traffic({"ip_list": [("lo", "10.0.0.1")]}, {}, [("a", "10.0.0.2")], "10.0.0.3")
    assert firewall_rules.rules(found) == []


def test_what_is_no_rule_of_ours_is_told_apart() -> None:
    for text in (7, "", f"{ADD}OUTPUT 0 -d 10.0.0.1 -j ACCEPT", f"{ADD}INPUT 0 -d 10.0.0.1 -j ACCEPT; reboot"):
        assert not firewall_rules.is_rule(text)
