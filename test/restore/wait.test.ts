import assert from 'node:assert/strict'
import { test } from 'node:test'
import { postcopyState } from '../../src/domain/store/postcopy-state.ts'
import type { RestoreTiming } from '../../src/domain/restore/restore-request.ts'
import { destroyDomain, restoreDomain, saveDomain } from '../../src/index.ts'
import { readDescription } from '../../src/image/open-image.ts'
import { pathsOf } from '../support/page-server.ts'
import { stasis } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

test('restore --wait shows when the guest first wrote and when all memory was loaded', async () => {
  await using domain = await startTinyDomain()
  const { name, stateDir, log } = domain
  const image = domain.dir.join('image')
  await log.advance(2)
  await saveDomain(name, image, { stateDir })
  for (const mode of ['lazy', 'load'] as const) {
    const args = ['restore', image, '--mode', mode, '--wait', 'both', '--json']
    const { stdout, stderr } = await stasis(stateDir, ...args)
    assert.equal(await postcopyState(pathsOf(domain)), undefined)
    const last = stdout.trim().split('\n').at(-1) ?? ''
    const { timing } = JSON.parse(last) as { readonly timing: Required<RestoreTiming> }
    const { startMs, deviceStateMs, totalMs, firstOutputMs = 0, allRamMs = 0 } = timing
    assert.ok(0 < startMs && startMs < deviceStateMs && deviceStateMs < totalMs, stderr)
    assert.ok(deviceStateMs < firstOutputMs, `${deviceStateMs} ms, ${firstOutputMs} ms`)
    const phases = stdout.split('\n').flatMap((line) => /"phase":"([a-z-]+)"/.exec(line)?.[1] ?? [])
    // So little memory may be loaded before anybody waits for it.
    const expected = mode === 'lazy' ? ['waiting-for-memory', 'resuming'] : ['resuming']
    assert.ok(expected.includes(phases.at(-1) ?? ''), stdout)
    if (mode === 'lazy') assert.ok(totalMs < allRamMs, `${totalMs} ms, ${allRamMs} ms`)
    else assert.equal(allRamMs, deviceStateMs)
    await destroyDomain(name, { stateDir })
  }
})

test('restore --wait output refuses a guest whose output does not go to a file', async () => {
  await using domain = await startTinyDomain()
  const { name, stateDir, log } = domain
  const image = domain.dir.join('image')
  await log.advance(1)
  await saveDomain(name, image, { stateDir })
  const text = (await readDescription(image)).xml
    .replaceAll(/<(serial|console) type='file'/g, "<$1 type='null'")
    .replaceAll(/ +<source path='[^']*' append='on'\/>\n/g, '')
  await assert.rejects(restoreDomain(image, { stateDir, wait: 'output', xml: { text } }), {
    code: 'BAD_COMBINATION',
  })
  // It was refused before anything was started.
  assert.equal((await restoreDomain(image, { stateDir, xml: { text } })).state, 'running')
})
