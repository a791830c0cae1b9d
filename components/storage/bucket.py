"""`python -m components.storage.bucket BUCKET ENDPOINT REGION`: makes the bucket where there is none."""

from __future__ import annotations

import sys

from minio.error import S3Error

from components.storage.s3 import S3Store
from components.storage.s3_faults import s3_faults
from model.errors import BadInput

THERE = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


def make_bucket(bucket: str, endpoint: str, region: str) -> bool:
    """Whether it had to be made; two at once are no error.

    Raises:
        BadInput: the store cannot be reached, or refuses.
    """
    store = S3Store(bucket, endpoint, region)
    with s3_faults(store.name):
        if store.client.bucket_exists(bucket):
            return False
        try:
            store.client.make_bucket(bucket)
        except S3Error as e:
            if e.code not in THERE:
                raise
            return False
    return True


if __name__ == "__main__":
    try:
        made = make_bucket(*sys.argv[1:4])
    except BadInput as e:
        sys.exit(str(e))
    print(f"{sys.argv[1]}: {'made' if made else 'was there'}")
