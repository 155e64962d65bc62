"""Upload of an exported dataset to the Hugging Face Hub."""

from pathlib import Path

from atlas.errors import AtlasError

LEFT_OUT = [".*", "**/.*", "export.json"]


def token_or_refuse() -> str:
    """The token that this machine has for the hub.

    Raises:
        AtlasError: it has none.
    """
    from huggingface_hub import get_token

    token = get_token()
    if token is None:
        raise AtlasError("no token for the Hugging Face Hub: set HF_TOKEN, or run `hf auth login`")
    return token


def push(folder: Path, name: str, token: str, *, private: bool = True, endpoint: str | None = None) -> str:
    """Upload a folder as a dataset, which is made where it is not there; returns its address.

    Args:
        name: ``owner/name``.
        private: of a dataset that is made now; one that is there stays as it is.
        endpoint: of the hub; by default the public one, or ``HF_ENDPOINT``.

    Raises:
        AtlasError: the hub refused, or can't be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    api = HfApi(endpoint=endpoint, token=token)
    try:
        url = api.create_repo(name, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=name,
            repo_type="dataset",
            folder_path=folder,
            ignore_patterns=LEFT_OUT,
            delete_patterns="data/**",
            commit_message="Export of Atlas",
        )
    except OfflineModeIsEnabled as error:
        raise AtlasError(f"{name}: not uploaded, as HF_HUB_OFFLINE is set; unset it and run again") from error
    except Exception as error:  # the transport, and so its errors, is another with every version of the hub's client
        said = str(error).strip().splitlines()
        raise AtlasError(
            f"{name}: not uploaded: {said[-1] if said else type(error).__name__}. The folder {folder} is complete; "
            "mend the name, token or connection, then run the same command again"
        ) from error
    return str(url)
