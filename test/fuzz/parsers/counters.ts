import { COUNTERS, type Counters } from '../../../src/domain/metrics/counters.ts'
import { exposition } from '../../../src/domain/metrics/exposition.ts'
import { Broken, type FuzzParser } from '../parser.ts'
import { jsonShapes } from '../shapes.ts'

const SEED: Counters = {
  ended: { 'save completed': 3, 'image-convert failed': 1 },
  last: { save: { timeSeconds: 1.5, durationSeconds: 2, downtimeSeconds: 1, imageBytes: 4 } },
}

const NO_DOMAINS = { running: 0, saved: 0, 'shut off': 0, unknown: 0 }

/** A line of Prometheus' text format. */
const LINE = /^(?:# (?:HELP|TYPE) .*|\w+\{[a-z]+="[a-z -]*"(?:,[a-z]+="[a-z -]*")?\} \S+|)$/

/** The counters for metrics. */
export const countersParser: FuzzParser = {
  name: 'counters',
  seeds: () => [Buffer.from(JSON.stringify(SEED))],
  shapes: () => jsonShapes([SEED]),
  words: ['"ended":', '"last":', 'save', '1e999', '\\n', '\\"', '{}', 'null'],
  run: (input) => {
    let value: unknown
    try {
      value = JSON.parse(Buffer.from(input).toString('utf8'))
    } catch {
      return
    }
    const counters = COUNTERS.parse(value, 1)
    if (counters === undefined) return
    const wrong = exposition(counters, NO_DOMAINS)
      .split('\n')
      .find((line) => !LINE.test(line))
    if (wrong !== undefined) throw new Broken(`${wrong} is not a line of metrics`)
  },
}
