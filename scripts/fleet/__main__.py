"""A study of many made-up machines: what it adds up to, what gets in, what leaves, and what a lost process changes.

One line for each claim, and a non-zero exit where one does not hold.
"""

import argparse
import os
import sys
import tempfile
import time
from multiprocessing import Pool
from pathlib import Path

from fleet import clusters, faults, machines, readme, simulated
from fleet.report import failed, report
from mousetrackd.fleet import total
from mousetrackd.fleet.total import Asked


def main() -> int:
    """Run all checks; the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/check-fleet", description=__doc__)
    parser.add_argument("--machines", type=int, default=200)
    parser.add_argument("--days", type=int, default=4, help="from 29 September on")
    given = parser.parse_args()
    begun_s = time.monotonic()

    def passed(what: str) -> None:
        print(f"       {what}: {time.monotonic() - begun_s:.0f} s", flush=True)

    with tempfile.TemporaryDirectory(prefix="mousetrackd-fleet-") as name:
        folder = Path(name)
        study = folder / "study"
        study.mkdir()
        (folder / "secret").write_text("the secret of a made-up study")
        (folder / "list").write_text("\n".join(machines.LISTED))
        for path in (folder / "secret", folder / "list"):
            path.chmod(0o600)
        with Pool(os.cpu_count()) as pool:
            jobs = [(folder, number, given.days) for number in range(given.machines)]
            counted = pool.map(machines.give, jobs, chunksize=4)
        passed(f"{given.machines} machines of {given.days} days, {len(list(study.rglob('*.parquet')))} files")
        part = machines.sum_all(study, Asked(machines.LAYERS))
        report("every machine is counted, and every file is good", part.machines == given.machines and not part.bad)
        machines.check_sums(part, counted)
        for listed in machines.LISTED:
            of_one = machines.sum_all(study, Asked(("dwell",), application=listed))
            machines.check_sums(of_one, counted, listed)
        rare = -(-given.machines // simulated.RARE_EVERY)
        report("who has an application is counted", part.applications[simulated.RARE] == rare, f"{rare} machines")
        machines.check_what_leaves(folder, given.machines)
        passed("sums")
        machines.check_commands(folder, given.machines, part)
        faults.check_files(folder)
        faults.check_killed(folder)
        passed("commands and faults")
        clusters.check_dask(folder, total.machines_of(study, []), part)
        passed("Dask")
        readme.check_blocks(folder)
    print(f"{'FAILED: ' + ', '.join(failed) if failed else 'all hold'}; {time.monotonic() - begun_s:.0f} s")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
