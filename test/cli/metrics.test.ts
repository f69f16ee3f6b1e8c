import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { stasis, stasisWith } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

test('each act is counted in the file for Prometheus', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir } = tiny
  const path = dir.join('stasis.prom')
  const image = dir.join('image')
  const env = { STASIS_METRICS_FILE: path }
  for (const [code, ...args] of [
    [0, 'save', 'tiny', image],
    [0, 'restore', image],
    [3, 'restore', image],
    [0, 'host-save'],
    [0, 'list', '--all'],
  ] as const) {
    const { exitCode, stderr } = await stasisWith({ stateDir, env }, ...args)
    assert.equal(exitCode, code, stderr)
    assert.doesNotMatch(stderr, /warning/)
  }
  const text = await readFile(path, 'utf8')
  for (const line of [
    'stasis_acts_total{act="save",outcome="completed"} 1',
    'stasis_acts_total{act="restore",outcome="completed"} 1',
    'stasis_acts_total{act="restore",outcome="failed"} 1',
    'stasis_acts_total{act="managedsave",outcome="completed"} 1',
    'stasis_acts_total{act="host-save",outcome="completed"} 1',
    'stasis_domains{state="saved"} 1',
    'stasis_domains{state="running"} 0',
  ])
    assert.ok(text.split('\n').includes(line), `${line} in ${text}`)
  assert.match(text, /^stasis_last_act_downtime_seconds\{act="save"\} [\d.]+$/m)

  // The option wins, and what cannot be written fails nothing.
  await mkdir(dir.join('directory'))
  const started = await stasisWith(
    { stateDir, env },
    ...['--metrics-file', dir.join('directory'), 'start', 'tiny'],
  )
  assert.equal(started.exitCode, 0)
  assert.match(started.stderr, /warning: this is not in the metrics: /)
  const shown = await stasis(stateDir, 'config', '--metrics-file', path)
  assert.match(shown.stdout, new RegExp(`metrics-file +${path} +--metrics-file`))
})
