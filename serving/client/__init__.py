"""A small client of the service, over REST and gRPC: clips, and streams that survive a server's restart."""

from serving.client.client import Client, Stream
from serving.client.patience import Patience

__all__ = ["Client", "Patience", "Stream"]
