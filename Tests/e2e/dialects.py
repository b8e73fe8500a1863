"""What the tests of the simulator's dialects share: a simulator with an AWS key, and the providers' own clients against it."""

import dataclasses
import pathlib
from collections.abc import Iterator

import boto3
import openai
from anthropic import Anthropic
from botocore.config import Config
from google import genai
from harness import processes
from offers import AWS_KEY, AWS_SECRET, CALL_BOTH, PIXEL, SCHEMA, TOOLS

__all__ = ["CALL_BOTH", "PIXEL", "SCHEMA", "TOOLS", "Provider", "started"]
API_VERSION = "2024-10-21"


@dataclasses.dataclass
class Provider:
    """One simulator, as the clients of every provider see it."""

    url: str

    def gemini(self, key: str = "any", **headers: str) -> genai.Client:
        options = {"base_url": self.url, "headers": headers, "timeout": 20_000, "retry_options": {"attempts": 1}}
        return genai.Client(api_key=key, http_options=options)

    def bedrock(self, key: str = AWS_KEY, secret: str = AWS_SECRET):
        return boto3.client(
            "bedrock-runtime",
            endpoint_url=self.url,
            region_name="eu-central-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
        )

    def azure(self, key: str = "any", version: str = API_VERSION) -> openai.AzureOpenAI:
        return openai.AzureOpenAI(azure_endpoint=self.url, api_key=key, api_version=version, max_retries=0, timeout=20)

    def openai(self, **headers: str) -> openai.OpenAI:
        url = f"{self.url}/v1"
        return openai.OpenAI(base_url=url, api_key="any", max_retries=0, timeout=20, default_headers=headers)

    def anthropic(self, **headers: str) -> Anthropic:
        return Anthropic(base_url=self.url, api_key="any", max_retries=0, timeout=20, default_headers=headers)


def started(folder: pathlib.Path, *arguments: str) -> Iterator[Provider]:
    """A simulator that verifies AWS's signatures, until the tests of a module end."""
    aws = ["--aws-access-key", AWS_KEY, "--aws-secret-key", AWS_SECRET]
    with processes.start_simulator(folder, *aws, *arguments) as simulator:
        yield Provider(simulator.ready["simulator"])
