import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { listDomains, resumeHost, saveHost, setAutostart } from '../../src/index.ts'
import { waitUntilGone } from '../../src/qemu/process/end.ts'
import { identifyProcess } from '../../src/qemu/process/process-identity.ts'
import { makeHost } from '../support/host.ts'
import { isLongRun } from '../support/qemus.ts'
import { command, startStasis, stasis } from '../support/stasis-command.ts'

test('a day of a host with several domains', { timeout: 600_000 }, async (t) => {
  await using host = await makeHost(isLongRun() ? 6 : 4)
  const { stateDir, runtimeDir, names, logs } = host
  const progress = async (): Promise<void> => {
    await Promise.all([...logs.values()].map((log) => log.advance(1)))
  }
  const pids = async (): Promise<readonly number[]> =>
    (await listDomains({ stateDir })).flatMap(({ id }) => (id === undefined ? [] : [id]))

  await t.test('all start', async () => {
    for (const name of names) {
      const { exitCode, stderr } = await stasis(stateDir, 'start', name)
      assert.equal(exitCode, 0, stderr)
    }
    await progress()
  })
  await t.test('all are saved at the same time and start again', async () => {
    const saves = names.map((name) =>
      stasis(stateDir, 'managedsave', name, '--parallel-compression', 'zstd', '--parallel'),
    )
    for (const { exitCode, stderr } of await Promise.all(saves)) assert.equal(exitCode, 0, stderr)
    assert.deepEqual(await pids(), [])
    assert.deepEqual(await readdir(runtimeDir), [])
    for (const name of names) {
      const { stdout, stderr } = await stasis(stateDir, 'start', name)
      assert.equal(stdout.split('\n')[0], `Domain '${name}' started from its managed save`, stderr)
    }
    await progress()
  })
  await t.test('every process of ours is killed during a host-save', async () => {
    const { child, ended } = startStasis(stateDir, ['host-save', '--parallel-domains', '2'])
    // Once the first is saved, the others are at various points of their saves.
    while ((await readdir(join(stateDir, 'save'))).every((name) => name.startsWith('.')))
      await delay(10)
    child.kill('SIGKILL')
    await ended
    const domains = await listDomains({ stateDir, all: true })
    for (const { name, id, managedSave } of domains)
      assert.equal(managedSave, id === undefined, `${name} is in one place`)
    assert.ok(domains.some(({ managedSave }) => managedSave))
  })
  await t.test('the rest is saved, within a time limit', async () => {
    const { exitCode, stderr } = await stasis(stateDir, 'host-save', '--time-limit', '300')
    assert.equal(exitCode, 0, stderr)
    assert.deepEqual(await pids(), [])
  })
  await t.test('the host reboots and all continue', async () => {
    await rm(runtimeDir, { recursive: true, force: true })
    const plan = await resumeHost({ stateDir, dryRun: true })
    assert.deepEqual(
      plan.map(({ name, outcome }) => [name, outcome]),
      names.map((name) => [name, 'would be resumed']),
    )
    const { exitCode, stderr } = await stasis(stateDir, 'host-resume', '--parallel-domains', '3')
    assert.equal(exitCode, 0, stderr)
    const domains = await listDomains({ stateDir })
    assert.deepEqual(
      domains.map(({ name, state }) => [name, state]),
      names.map((name) => [name, 'running']),
    )
    await progress()
    for (const log of logs.values()) await log.assertUnbroken()
    assert.deepEqual(await readdir(join(stateDir, 'save')), [])
    assert.deepEqual(await resumeHost({ stateDir }), [])
  })
  await t.test('a domain that another command saves meanwhile counts as saved', async () => {
    const env = { ...process.env, STASIS_STATE_DIR: stateDir }
    const left = names.slice(-1)
    const outcomes = await saveHost({
      stateDir,
      parallelDomains: 1,
      onDomain: () => {
        const other = left.pop()
        // It blocks this process, so the other domain is saved before its turn comes.
        if (other !== undefined) execFileSync(command, ['managedsave', other], { env })
      },
    })
    assert.deepEqual(
      outcomes.map(({ outcome, reason }) => [outcome, reason]),
      names.map(() => ['saved', undefined]),
    )
    for (const { outcome } of await resumeHost({ stateDir })) assert.equal(outcome, 'resumed')
    await progress()
  })
  await t.test(
    'when the time runs out, the domains that are left are named and keep running',
    async () => {
      const outcomes = await saveHost({ stateDir, timeLimitMs: 1 })
      assert.deepEqual(
        outcomes.map(({ outcome }) => outcome),
        names.map(() => 'not saved'),
      )
      await progress()
      for (const log of logs.values()) await log.assertUnbroken()
    },
  )
  await t.test('after a power cut the domains that start with the host boot', async () => {
    await setAutostart('vm1', { stateDir })
    for (const pid of await pids()) {
      const identity = await identifyProcess(pid)
      process.kill(pid, 'SIGKILL')
      if (identity !== undefined) await waitUntilGone(identity, 5000)
    }
    await rm(runtimeDir, { recursive: true, force: true })
    const outcomes = await resumeHost({ stateDir, autostart: true })
    assert.deepEqual(
      outcomes.map(({ name, outcome }) => [name, outcome]),
      names.map((name) => [name, name === 'vm1' ? 'booted' : 'not started']),
    )
  })
})
