"""`slapos.slap.interface`, served by Pilothouse."""
