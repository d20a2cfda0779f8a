"""Pictures -> data/<folder>/{train,val}/<label>-<class>/*.jpg, the ImageFolder trees that train.py reads.

    prepare_data.py imagenette                      downloads the official 160 px archive (fast.ai, 99 MB)
    prepare_data.py handsigns                       downloads the official repository archive (GitHub, 13 MB)
    prepare_data.py imagenette --archive FILE       an archive you already have (.tgz or .zip)
    prepare_data.py imagenette --packs FOLDER       a folder with jpegpacks and their unpack.py

The official hand sign archive has no split: every tenth picture of a class, in an order fixed by a digest of its name, goes
to `val`. The hand signs are 100 px there and kept at 96 px.
"""
import argparse
import hashlib
import io
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from pathlib import Path
from typing import Callable, Dict, Iterator, Optional, Tuple

from PIL import Image

from data import cover
from progress import bar
from recipes import RECIPES

SOURCES = {
    "imagenette": "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz",
    "handsigns": "https://github.com/ardamavi/Sign-Language-Digits-Dataset/archive/refs/heads/master.zip",
}

# ImageNet's synset ids of the ten classes, in the order of the labels.
IMAGENETTE = {
    "n01440764": "00-tench", "n02102040": "01-English_springer", "n02979186": "02-cassette_player",
    "n03000684": "03-chain_saw", "n03028079": "04-church", "n03394916": "05-French_horn",
    "n03417042": "06-garbage_truck", "n03425413": "07-gas_pump", "n03445777": "08-golf_ball", "n03888257": "09-parachute",
}


def imagenette_place(name: str) -> Optional[str]:
    """'imagenette2-160/train/n01440764/x.JPEG' -> 'train/00-tench/x.jpg'; nothing for other files."""
    parts = Path(name).parts
    if len(parts) < 3 or parts[-3] not in ("train", "val") or parts[-2] not in IMAGENETTE:
        return None
    return f"{parts[-3]}/{IMAGENETTE[parts[-2]]}/{Path(parts[-1]).stem}.jpg"


def handsigns_place(name: str) -> Optional[str]:
    """'.../Dataset/3/IMG_1.JPG' -> 'train/03-3/IMG_1.jpg' or 'val/03-3/IMG_1.jpg'."""
    parts = Path(name).parts
    if len(parts) < 3 or parts[-3] != "Dataset" or not parts[-2].isdigit() or not parts[-1].lower().endswith(".jpg"):
        return None
    held = hashlib.sha256("/".join(parts[-2:]).encode()).digest()[0] % 10 == 0
    return f"{'val' if held else 'train'}/{int(parts[-2]):02d}-{parts[-2]}/{Path(parts[-1]).stem}.jpg"


PLACES: Dict[str, Callable[[str], Optional[str]]] = {"imagenette": imagenette_place, "handsigns": handsigns_place}


def members(archive: Path) -> Iterator[Tuple[str, Callable[[], bytes]]]:
    """(name, reader) of every file in a .zip or a tar archive."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as z:
            for info in z.infolist():
                yield info.filename, lambda info=info: z.read(info)
    else:
        with tarfile.open(archive) as t:
            for info in t:
                if info.isfile():
                    yield info.name, lambda info=info: t.extractfile(info).read()


def unpack(name: str, archive: Path, target: Path) -> int:
    """Files of the archive that belong to the data set, put into place; returns how many."""
    count = 0
    for member, read in members(archive):
        place = PLACES[name](member)
        if place is None:
            continue
        file = target / place
        file.parent.mkdir(parents=True, exist_ok=True)
        if name == "handsigns":
            picture = Image.open(io.BytesIO(read())).convert("RGB")
            cover(picture, RECIPES[name].size).save(file, quality=95)
        else:
            file.write_bytes(read())
        count += 1
    return count


def download(url: str, to: Path) -> Path:
    to.parent.mkdir(parents=True, exist_ok=True)
    if to.exists():
        return to
    part = to.with_suffix(".part")
    with urllib.request.urlopen(url) as reply, open(part, "wb") as out:
        size = int(reply.headers.get("Content-Length") or 0)
        chunk = 1 << 18
        for _ in bar(range(max(1, -(-size // chunk))), f"download {url}"):
            out.write(reply.read(chunk))
        out.write(reply.read())
    part.rename(to)
    return to


def main() -> None:
    here = Path(__file__).parent
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("name", choices=sorted(RECIPES))
    ask.add_argument("--data", type=Path, default=here / "data", help="where the trees go")
    ask.add_argument("--archive", type=Path)
    ask.add_argument("--packs", type=Path)
    o = ask.parse_args()
    target = o.data / RECIPES[o.name].data
    if any(target.glob("train/*/*")):
        print(f"{target} is there already")
        return
    if o.packs:
        subprocess.run([sys.executable, str(o.packs / "unpack.py"), str(o.data), RECIPES[o.name].data], check=True)
        return
    url = SOURCES[o.name]
    archive = o.archive or download(url, o.data / "archives" / f"{o.name}{Path(url).suffix}")
    count = unpack(o.name, archive, target)
    if not count:
        sys.exit(f"{archive}: found none of the pictures of {o.name} in it")
    print(f"{target}: {count} pictures")


if __name__ == "__main__":
    main()
