"""The event stream: in order, complete, each observer at its own pace, none able to stop the job."""

import asyncio

from tests.unit.engine.samples import Recorder

from pilothouse.engine.events import Event, EventStream, Notice


def notices(count: int, start: int = 0) -> list[Event]:
    return [Notice(at=float(number), level="INFO", text=str(number)) for number in range(start, start + count)]


async def test_every_observer_gets_everything_in_order() -> None:
    several = [Recorder(), Recorder()]
    stream = EventStream(several)
    sent = notices(1000)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(stream.run())
        for number, event in enumerate(sent):
            stream.publish(event)
            if number % 7 == 0:
                await asyncio.sleep(0)
        stream.finish()
    assert [observer.events for observer in several] == [sent, sent]
    assert [observer.closed for observer in several] == [1, 1]
    assert len(several[0].batches) > 1


async def test_what_was_published_before_the_start_is_not_lost() -> None:
    observer = Recorder()
    stream = EventStream([observer])
    for event in notices(3):
        stream.publish(event)
    stream.finish()
    await asyncio.wait_for(stream.run(), 5)
    assert observer.events == notices(3)
    assert observer.closed == 1


async def test_a_slow_observer_holds_back_publishers_and_not_the_others() -> None:
    slow, quick = Recorder(), Recorder()
    slow.gate.clear()
    stream = EventStream([slow, quick], limit=10)
    run = asyncio.create_task(stream.run())
    stream.publish(notices(1)[0])
    await asyncio.sleep(0.01)
    for event in notices(20, 1):
        stream.publish(event)
    await asyncio.sleep(0.01)
    lagging = stream.behind
    assert lagging
    assert quick.events == notices(21)
    waiting = asyncio.create_task(stream.ready())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    slow.gate.set()
    await asyncio.wait_for(waiting, 5)
    lagging = stream.behind
    assert not lagging
    stream.finish()
    await asyncio.wait_for(run, 5)
    assert slow.events == notices(21)


async def test_a_failing_observer_ends_alone_and_frees_who_waits() -> None:
    fault = OSError("disk full")
    broken, sound = Recorder(fault), Recorder()
    broken.gate.clear()
    stream = EventStream([broken, sound], limit=5)
    run = asyncio.create_task(stream.run())
    for event in notices(1):
        stream.publish(event)
    await asyncio.sleep(0.01)
    for event in notices(9, 1):
        stream.publish(event)
    waiting = asyncio.create_task(stream.ready())
    broken.gate.set()
    await asyncio.wait_for(waiting, 5)
    for event in notices(90, 10):
        stream.publish(event)
    await asyncio.sleep(0)
    await asyncio.wait_for(stream.ready(), 5)
    stream.finish()
    await asyncio.wait_for(run, 5)
    assert stream.failures == [fault]
    assert sound.events == notices(100)
    assert broken.events == []


async def test_without_observers_there_is_nothing_to_wait_for() -> None:
    stream = EventStream([])
    stream.publish(notices(1)[0])
    assert not stream.behind
    await asyncio.wait_for(stream.ready(), 1)
    stream.finish()
    await asyncio.wait_for(stream.run(), 1)
