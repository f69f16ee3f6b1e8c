import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { LIMIT_MS } from './build-machine.ts'
import { changes, keyOf, listOf, LISTS, readList } from './expectation.ts'
import { figureLine, figuresOf, slowest } from './figures.ts'
import { judgeAll } from './judge-all.ts'

/** The short form judges every eighth machine. */
const EVERY = process.env['STASIS_LONG'] === undefined ? 8 : 1

suite("machines of libvirt's own tests and of virt-install", () => {
  const judgements = judgeAll({ every: EVERY })
  const judged = new Set(judgements.map(keyOf))

  test('are judged, in figures', (context) => {
    for (const figures of figuresOf(judgements)) context.diagnostic(figureLine(figures))
    assert.ok(judged.size > 1000 / EVERY)
  })
  for (const name of LISTS) {
    test(`none enters or leaves the list "${name}" (npm run test:machines -- --accept)`, () => {
      assert.deepEqual(changes(readList(name), listOf(name, judgements), judged), [])
    })
  }
  test('do not crash this program', () => {
    assert.deepEqual(
      judgements.filter(({ verdict }) => verdict === 'crashed').map((one) => one.reasons),
      [],
    )
  })
  test(`get a command line in ${LIMIT_MS} ms`, () => {
    const longest = slowest(judgements)
    assert.ok((longest?.timeMs ?? 0) <= LIMIT_MS, `${longest?.name}: ${longest?.timeMs} ms`)
  })
})
