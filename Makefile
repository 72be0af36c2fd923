# Needs Python 3.10-3.13 and make; everything else comes from the package registry into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: demo test lint types docs clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade pip
	# One known torch first, so that the rest takes no newer one of several gigabytes; where it has no wheel, any will do.
	$(BIN)/python -m pip install -q "torch==2.13.0" || true
	$(BIN)/python -m pip install -q -e ".[dev,web]"
	touch $@

demo: $(STAMP)
	$(BIN)/img2mesh examples/mug.jpg -o out/mug.glb --preview out/mug.png --report out/mug.json --offline
	@echo
	@echo "mesh:    out/mug.glb   (open it in any glTF viewer)"
	@echo "preview: out/mug.png"

# A process per core, four at most: each takes half a gigabyte. The longest test is what the last one waits for.
test: $(STAMP)
	$(BIN)/python -m pytest -p no:cacheprovider -n auto --maxprocesses 4 --dist worksteal

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

# Pages of the Python interface from its docstrings, in out/api.
docs: $(STAMP)
	$(BIN)/python -m pip install -q "pdoc>=14"
	$(BIN)/pdoc -o out/api img2mesh $$($(BIN)/python -c "import pkgutil, img2mesh; \
	  print(*(m.name for m in pkgutil.walk_packages(img2mesh.__path__, 'img2mesh.') if '__main__' not in m.name))")

clean:
	rm -rf $(VENV) out
