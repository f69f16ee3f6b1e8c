import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { suite, test } from 'node:test'
import { tempDir } from '../support/temp-dir.ts'
import { Campaign, type Finding } from './campaign.ts'
import { Guard } from './guard.ts'
import { PARSERS } from './parser-table.ts'
import { TOYS } from './toys.ts'
import { watchLane } from './watch-lane.ts'

const guard = new Guard()
await guard.install()

/** Few enough for all parsers together to take a few seconds. */
const RUNS = { quick: 40, slow: 6 }

async function feed(parser: (typeof PARSERS)[number], runs: number): Promise<readonly Finding[]> {
  await using dir = await tempDir()
  const directory = dir.join('f')
  mkdirSync(directory)
  const findings: Finding[] = []
  const onFinding = (finding: Finding): unknown => findings.push(finding)
  await new Campaign(parser, { seed: 1, bench: { directory }, guard, runs, onFinding }).run()
  return findings
}

suite(
  'no hostile input makes a parser throw, wait, stray or contradict itself (npm run fuzz has more)',
  () => {
    for (const parser of PARSERS) {
      test(parser.name, async () => {
        const findings = await feed(parser, parser.isSlow === true ? RUNS.slow : RUNS.quick)
        assert.deepEqual(
          findings.map(({ fault, stack }) => `${fault}\n${stack}`),
          [],
        )
      })
    }
  },
)

suite('the fuzzer finds planted faults', () => {
  test('one behind four comparisons, because it keeps inputs that reach new code', async () => {
    const [deep] = TOYS
    assert.ok(deep?.name === 'toy-deep')
    const [finding] = await feed(deep, 20_000)
    assert.match(finding?.fault ?? '', /^foreign TypeError: planted/)
  })

  const faults = {
    'toy-hanging': /^hangs for more than 500 ms$/,
    'toy-greedy': /^Buffer\.alloc\(\d{10}\)$/,
    'toy-straying': /^asks for 4 bytes at \d+ of a file of \d+$/,
    'toy-crashing': /^the process ended \(SIGABRT\)/,
  }
  for (const [parser, fault] of Object.entries(faults)) {
    test(`${parser} in a process of its own`, async () => {
      await using dir = await tempDir()
      const corpusDirectory = dir.join('corpus')
      const { findings, tally } = await watchLane(
        { parser, seed: 1, corpusDirectory, runs: 100 },
        { hangMs: 500 },
      )
      assert.ok(
        findings.some((finding) => fault.test(finding.fault)),
        JSON.stringify(findings),
      )
      assert.ok(tally.runs > 0)
    })
  }
})
