"""GET /audition: one sound as WAV bytes, quickly enough to be heard while a slider moves.

Streamlit's own origin checks do not cover routes beside it, so this one answers only pages of this computer; it is
bounded and changes nothing.
"""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from audiogan.lab import RunError, open_lab

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")

MOST_SLIDERS = 64

MOST_LATENTS = 1024
"""The largest `latent_size` there is."""


def audition(request: Request) -> Response:
    """The sound of ?run=&snapshot=&seed=&label=&sliders=&latent=&kind=&clean=; slider positions come back in the header
    X-Sliders.

    `latent`, where it is given, is where the sliders move from in place of the seed's own, and `kind` which of its
    label's kinds it is. `clean=1` takes out steady
    noise, offset and clicks.

    400 with one sentence for a request that makes no sense, 403 for one from elsewhere. Runs in the server's threads.
    """
    if not _is_local(request):
        return PlainTextResponse("Only this computer's own pages may listen.", 403)
    query = request.query_params
    try:
        wav, positions = open_lab().audition(
            query["run"],
            _number(query.get("snapshot"), int),
            _number(query["seed"], int),
            _number(query.get("label"), int),
            _numbers(query.get("sliders"), MOST_SLIDERS),
            _numbers(query.get("latent"), MOST_LATENTS),
            query.get("clean") == "1",
            _number(query.get("kind"), int),
        )
    except KeyError as error:
        return PlainTextResponse(f"The request names no {error}.", 400)
    except ValueError as error:
        return PlainTextResponse(str(error), 400)
    headers = {
        "X-Sliders": ",".join(f"{position:.3f}" for position in positions),
        "Cache-Control": "no-store",
        # the server's socket holds the body back for 40 ms unless the answer ends the connection
        "Connection": "close",
    }
    return Response(wav, media_type="audio/wav", headers=headers)


def _numbers(text: str | None, most: int) -> list[float] | None:
    """Numbers between commas, None for an empty text. Raises RunError, also when there are more than `most`."""
    # what is beyond the last comma that is looked at stays one piece, which is no number
    return [_number(part, float) for part in text.split(",", most)] if text else None


def _number(text: str | None, kind: type) -> float | None:
    """The text as that kind of number, None for an empty one. Raises RunError."""
    try:
        return kind(text) if text else None
    except ValueError:
        raise RunError(f"'{text}' is not a number.") from None


def _is_local(request: Request) -> bool:
    """Whether the request was sent to a name of this computer, by a page of this computer if by a page at all."""
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    origin = request.headers.get("origin")
    return _is_local_name(host) and (origin is None or _is_local_name(urlsplit(origin).hostname))


def _is_local_name(host: str | None) -> bool:
    return host in {name.strip("[]") for name in LOCAL_HOSTS}
