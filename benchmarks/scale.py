"""What would a run over a corpus of any size take? Arithmetic over figures that other benchmarks measured.

``python benchmarks/scale.py`` computes for 1.35 trillion tokens; every assumption is a flag. Nothing is measured here:
the defaults are those of docs/benchmarks, and docs/scale.md says which is which.
"""

import argparse
from dataclasses import dataclass, fields

from atlas.cli.show import table


@dataclass(frozen=True)
class Assumptions:
    """Of the corpus, the machine, the run, and of prices (US dollars). Rates are of one core."""

    tokens: float = 1.35e12
    tokens_per_chunk: float = 107
    chunks_per_document: float = 6.4
    text_bytes_per_token: float = 4.3
    stored_bytes_per_text_byte: float = 0.4
    tokens_per_core_second: float = 350_000
    runner_overhead: float = 0.05
    unit_bytes: float = 32 << 20
    output_bytes_per_chunk: float = 56
    token_ids_bytes_per_token: float = 2.4
    get_requests_per_unit: float = 15
    other_requests_per_unit: float = 6
    driver_seconds_per_unit: float = 0.0008
    id_check_seconds_per_document: float = 2e-6
    core_hour: float = 0.04
    gigabyte_month: float = 0.023
    million_gets: float = 0.4
    million_puts: float = 5.0


def estimate(a: Assumptions) -> list[tuple[str, str]]:
    """Each quantity in words."""
    chunks = a.tokens / a.tokens_per_chunk
    documents = chunks / a.chunks_per_document
    stored = a.tokens * a.text_bytes_per_token * a.stored_bytes_per_text_byte
    units = stored / a.unit_bytes
    core_hours = a.tokens / a.tokens_per_core_second * (1 + a.runner_overhead) / 3600
    output = chunks * a.output_bytes_per_chunk
    ids = a.tokens * a.token_ids_bytes_per_token
    requests = units * a.get_requests_per_unit / 1e6 * a.million_gets
    requests += units * a.other_requests_per_unit / 1e6 * a.million_puts
    return [
        ("documents", f"{documents / 1e9:.2f} billion"),
        ("chunks", f"{chunks / 1e9:.1f} billion"),
        ("input, compressed Parquet", f"{stored / 1e12:.2f} TB in {units:,.0f} units"),
        ("core-hours", f"{core_hours:,.0f}"),
        ("  on 1,000 cores", f"{core_hours / 1000:.1f} hours"),
        ("  one unit", f"{core_hours * 3600 / units:.0f} s of one core: what a kill costs at most, for each worker"),
        ("GPU-hours, fast tier", "0"),
        ("output without texts", f"{output / 1e12:.2f} TB"),
        ("  with token ids", f"{(output + ids) / 1e12:.2f} TB"),
        ("requests to the store", f"{units * (a.get_requests_per_unit + a.other_requests_per_unit) / 1e6:.1f} million"),
        ("driver's own work", f"{units * a.driver_seconds_per_unit / 60:.1f} minutes"),
        ("check for repeated ids", f"{documents * a.id_check_seconds_per_document / 60:.0f} minutes of one core"),
        ("money: cores", f"${core_hours * a.core_hour:,.0f}"),
        ("money: requests", f"${requests:,.2f}"),
        ("money: a month of the output", f"${output / 1e9 * a.gigabyte_month:,.0f}"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for field in fields(Assumptions):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=field.default)
    print(table([list(row) for row in estimate(Assumptions(**vars(parser.parse_args())))], ["quantity", "estimate"]))


if __name__ == "__main__":
    main()
