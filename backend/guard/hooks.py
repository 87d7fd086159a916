"""The table of all hooks into FiftyOne, and the check that FiftyOne is what they expect.

A hook replaces a function by one that calls it. The table says for each where the function is in
FiftyOne 1.22.1, which arguments it takes, and which names its code uses: if the lines that we rely
on are gone, so are those. Then nothing is hooked, rather than some of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import fiftyone.constants as foc
import fiftyone.core.clips as focl
import fiftyone.core.collections as focc
import fiftyone.core.dataset as fod
import fiftyone.core.map.mapper as fomm
import fiftyone.core.metadata as fomd
import fiftyone.core.models as fomo
import fiftyone.core.odm.database as food
import fiftyone.core.runs as fors
import fiftyone.core.service as fose
import fiftyone.core.stages as fost
import fiftyone.core.utils as focu
import fiftyone.core.video as fov
import fiftyone.migrations as fomi
import fiftyone.utils.image as foui
import fiftyone.utils.video as fouv
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from pymongo.collection import Collection
from pymongo.database import Database

from ..catalog.record import DatasetSnapshot
from ..errors import UnsupportedFiftyOneError
from . import (
    bulk,
    cloning,
    datasets,
    early,
    generation,
    operators,
    reads,
    runs,
    server,
    under_way,
    writes,
)
from .hook import Function, Hook, function_of

SUPPORTED_FIFTYONE = SpecifierSet(">=1.21,<1.23", prereleases=True)

_EXECUTES = "do_execute_operator"

Loader = Callable[[str, str | DatasetSnapshot], fod.Dataset]


def table(
    load_snapshot: Loader,
    purge: datasets.Purge,
    around: operators.Around = operators.nothing,
    around_call: bulk.Around = bulk.nothing,
) -> list[Hook]:
    """Returns all hooks.

    Args:
        load_snapshot: loads a snapshot, given the names of its dataset and of itself
        purge: destroys the snapshots of a dataset that was deleted
        around: called when an operator is executed, see :mod:`.operators`
        around_call: called when much may be changed at once, see :mod:`.bulk`

    Returns:
        the hooks
    """
    dataset, collections = "fiftyone/core/dataset.py", "fiftyone/core/collections.py"
    mapper, utils = "fiftyone/core/map/mapper.py:114", "fiftyone/utils"
    samples, of = focc.SampleCollection, ("sample_collection",)
    return [
        Hook(
            fod,
            "load_dataset",
            f"{dataset}:148",
            datasets.load_dataset(load_snapshot),
            ("name", "create_if_necessary", "reload"),
            frozenset({"Dataset"}),
        ),
        Hook(
            fod.Dataset,
            "_update_last_loaded_at",
            f"{dataset}:9492",
            datasets.update_last_loaded_at,
            ("self", "force"),
            frozenset({"_doc", "_update_last_loaded_at"}),
        ),
        Hook(
            fod.Dataset,
            "_delete",
            f"{dataset}:6489",
            datasets.delete(purge),
            ("self",),
            frozenset({"_sample_collection", "drop", "_delete_dataset_extras"}),
        ),
        Hook(
            fod,
            "_clone_collection",
            f"{dataset}:10226",
            cloning.clone,
            ("sample_collection", "name"),
            frozenset({"_get_samples_pipeline"}),
        ),
        Hook(
            fod.Dataset,
            "_update_saved_view_if_necessary",
            f"{dataset}:5654",
            generation.update_saved_view,
            ("self", "view"),
            frozenset({"view_stages", "_is_generated", "persistent"}),
        ),
        *(
            Hook(
                owner,
                "stats",
                where,
                generation.stats,
                ("self", "include_media"),
                frozenset({"compute_metadata", "sum"}),
            )
            for owner, where in (
                (fod.Dataset, f"{dataset}:2089"),
                (focc.SampleCollection, f"{collections}:875"),
            )
        ),
        Hook(
            fod,
            "_merge_samples_pipeline",
            f"{dataset}:11172",
            generation.merge_samples,
            ("src_collection", "dst_dataset", "key_field"),
            frozenset({"create_index", "_aggregate"}),
        ),
        Hook(
            focc.SampleCollection,
            "create_index",
            f"{collections}:11031",
            generation.create_index,
            ("self", "field_or_spec", "unique"),
            frozenset({"get_index_information", "command", "create_index"}),
        ),
        Hook(
            fors.BaseRun,
            "save_run_results",
            "fiftyone/core/runs.py:623",
            early.refusing("samples", early.has_key),
            ("cls", "samples", "key"),
            frozenset({"_get_run_doc", "put", "save"}),
        ),
        Hook(
            fors.BaseRun,
            "save_run_info",
            "fiftyone/core/runs.py:556",
            runs.remember_lineage,
            ("cls", "samples", "run_info"),
            frozenset({"_root_dataset", "_runs_field", "RunDocument", "run_docs", "key"}),
        ),
        Hook(
            focc.SampleCollection,
            "sync_last_modified_at",
            f"{collections}:735",
            early.refusing("self"),
            ("self",),
        ),
        Hook(
            fomd,
            "compute_metadata",
            "fiftyone/core/metadata.py:424",
            early.refusing("sample_collection", early.lacks_metadata),
            ("sample_collection", "overwrite"),
        ),
        # Workers keep errors to themselves, and a generator begins only when it is iterated
        *(
            Hook(owner, name, where, early.refusing(parameters[-1], is_write), parameters)
            for owner, name, where, parameters, is_write in (
                (samples, "map_samples", f"{collections}:4669", ("self",), early.saves),
                (samples, "update_samples", f"{collections}:4760", ("self",), early.always),
                (fomm.Mapper, "map_samples", mapper, ("self", *of), early.saves),
                (foui, "_transform_images", f"{utils}/image.py:268", of, early.stores_images),
                (fouv, "_transform_videos", f"{utils}/video.py:720", of, early.stores_videos),
            )
        ),
        Hook(
            fomo,
            "apply_model",
            "fiftyone/core/models.py:52",
            lambda original: runs.remember_model(early.refusing("samples")(original)),
            ("samples", "model", "label_field"),
        ),
        *(
            Hook(
                fomo,
                name,
                f"fiftyone/core/models.py:{line}",
                early.refusing("samples", is_write),
                ("samples", "model"),
            )
            for name, line, is_write in (
                ("compute_embeddings", 1019, early.stores_embeddings),
                ("compute_patch_embeddings", 1610, early.stores_embeddings),
            )
        ),
        Hook(
            fose.ServerService,
            "env",
            "fiftyone/core/service.py:365",
            server.environment,
            ("self",),
            frozenset({"_do_not_track"}),
        ),
        Hook(
            fomi,
            "migrate_dataset_if_necessary",
            "fiftyone/migrations/runner.py:222",
            datasets.migrate,
            ("name",),
        ),
        Hook(
            food,
            "_make_datasets_non_persistent",
            "fiftyone/core/odm/database.py:2279",
            datasets.make_non_persistent,
            ("conn", "names"),
            frozenset({"datasets", "update_many"}),
        ),
        Hook(
            focl,
            "make_clips_dataset",
            "fiftyone/core/clips.py:646",
            generation.make_clips,
            ("sample_collection", "field_or_expr"),
            frozenset({"_write_manual_clips", "_write_expr_clips", "_write_trajectories"}),
        ),
        Hook(
            fov,
            "make_frames_dataset",
            "fiftyone/core/video.py:508",
            generation.make_frames,
            ("sample_collection", "sample_frames"),
            frozenset({"_init_frames", "sample_videos", "_aggregate"}),
        ),
        *(
            Hook(
                stage,
                "load_view",
                f"fiftyone/core/stages.py:{line}",
                generation.load_view,
                ("self", "sample_collection", "saved_view", "reload"),
                frozenset({"_state", make}),
            )
            for stage, line, make in (
                (fost.ToPatches, 8168, "make_patches_dataset"),
                (fost.ToEvaluationPatches, 8334, "make_evaluation_patches_dataset"),
                (fost.ToClips, 8513, "make_clips_dataset"),
                (fost.ToTrajectories, 8669, "make_clips_dataset"),
                (fost.ToFrames, 8882, "make_frames_dataset"),
            )
        ),
        *(
            Hook(Collection, name, "pymongo.collection.Collection", writes.guard_method(name))
            for name in writes.METHODS
        ),
        *(
            Hook(Collection, name, "pymongo.collection.Collection", wrap)
            for name, wrap in (
                ("aggregate", reads.aggregate),
                ("estimated_document_count", reads.estimated_document_count),
                ("find", reads.find),
                ("index_information", reads.index_information),
                ("list_indexes", reads.list_indexes),
            )
        ),
        Hook(
            Database,
            "command",
            "pymongo.database.Database",
            lambda original: reads.collection_statistics(writes.guard_command(original)),
            ("self", "command", "value"),
        ),
        Hook(
            Database,
            "drop_collection",
            "pymongo.database.Database",
            writes.guard_drop,
            ("self", "name_or_collection"),
        ),
        *bulk.hooks(around_call),
        Hook(
            focu,
            "run_sync_task",
            "fiftyone/core/utils.py:3249",
            under_way.carry_on,
            ("func",),
            frozenset({"run_in_executor"}),
        ),
        *(
            Hook(
                owner,
                _EXECUTES,
                f"fiftyone/operators/{where}",
                operators.execute(around),
                ("operator", "ctx", "exhaust"),
                frozenset({"execute", "run_sync_task", "isgenerator"}),
            )
            # Delegated workers have imported it by name
            for owner, where in _executing()
        ),
    ]


def _executing() -> Iterator[tuple[ModuleType, str]]:
    """Yields the modules that execute operators, once FiftyOne has them.

    The App's server imports this package with its settings, before operators can be imported.
    They are hooked when FiftyOne registers ours.
    """
    for name, where in (("executor", "executor.py:456"), ("delegated", "delegated.py:28")):
        module = sys.modules.get(f"fiftyone.operators.{name}")
        if module is not None and hasattr(module, _EXECUTES):
            yield module, where


def install(
    load_snapshot: Loader,
    purge: datasets.Purge,
    around: operators.Around = operators.nothing,
    around_call: bulk.Around = bulk.nothing,
) -> None:
    """Hooks into FiftyOne, once.

    Args:
        load_snapshot: loads a snapshot, given the names of its dataset and of itself
        purge: destroys the snapshots of a dataset that was deleted, given the database, the
            dataset's id and the name that it had
        around: called when an operator is executed, see :mod:`.operators`
        around_call: called when much may be changed at once, see :mod:`.bulk`

    Raises:
        UnsupportedFiftyOneError: if this FiftyOne is not one we know; then nothing is hooked
    """
    hooks = table(load_snapshot, purge, around, around_call)
    check(hooks)
    for hook in hooks:
        if not hook.is_installed():
            original = function_of(hook.found())
            hook.install()
            if hook.owner is fod and hook.name == "load_dataset":
                _publish(original, fod.load_dataset)


def missing() -> list[str]:
    """Lists the hooks that are not installed in this process.

    Returns:
        where in FiftyOne they belong
    """
    hooks = table(
        lambda dataset, snapshot: fod.load_dataset(f"{dataset}@{snapshot}"), lambda *_: None
    )
    # Operators are hooked when ours are registered, which is before any of them is executed
    wanted = [hook for hook in hooks if hook.name != _EXECUTES]
    return [f"{hook.where} ({hook.name})" for hook in wanted if not hook.is_installed()]


def check(hooks: list[Hook]) -> None:
    """Checks that FiftyOne is what the hooks expect.

    Args:
        hooks: the hooks

    Raises:
        UnsupportedFiftyOneError: if it is not
    """
    problems = [problem for hook in hooks if (problem := hook.problem())]
    if Version(foc.VERSION) not in SUPPORTED_FIFTYONE:
        problems.insert(0, f"its version is {foc.VERSION}")
    if problems:
        raise UnsupportedFiftyOneError(
            f"This version of fiftyone-snapshots supports FiftyOne {SUPPORTED_FIFTYONE}, but the "
            f"one that is installed differs: {'; '.join(problems)}. Snapshots could be edited by "
            "accident, so they are not available. Install a FiftyOne in that range, or a newer "
            "fiftyone-snapshots."
        )


def _publish(original: Function, replacement: Function) -> None:
    """Replaces what ``fiftyone`` imported by name, if it has been imported already."""
    for module in (sys.modules.get("fiftyone.__public__"), sys.modules.get("fiftyone")):
        if module is not None and getattr(module, "load_dataset", None) is original:
            module.load_dataset = replacement  # type: ignore[attr-defined]
