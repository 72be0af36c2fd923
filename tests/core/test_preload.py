import subprocess
import sys

from img2mesh.core.preload import preloaded


def test_packages_are_there_after_the_block_and_others_are_no_fault():
    code = (
        "import sys; from img2mesh.core.preload import preloaded\n"
        "with preloaded('no_such_package', 'trimesh'): assert 'scipy.stats' not in sys.modules\n"
        "assert 'trimesh' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_error_in_the_block_is_not_hidden():
    try:
        with preloaded("json"):
            raise KeyError("own")
    except KeyError as error:
        assert error.args == ("own",)
    else:
        raise AssertionError
