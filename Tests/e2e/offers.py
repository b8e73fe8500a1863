"""What tests in every dialect ask for: credentials that the simulator verifies, a picture, tools."""

import base64

AWS_KEY = "AKIASIMULATEDACCESS0"
AWS_SECRET = "simulated/secret+0123456789abcdefghijklmn"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# What every tool's test offers: two tools with one argument each.
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = ["get_weather", "get_time"]
CALL_BOTH = "call tool get_weather and call tool get_time"
