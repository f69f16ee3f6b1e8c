import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { domainInfo, saveDomain } from '../../src/index.ts'
import { oldestQemu } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

/** As after a reboot of the host with a runtime directory that survives it: all processes are gone, and the boot is another. */
async function reboot({ stateDir, runtimeDir }: TinyDomain): Promise<void> {
  const path = join(runtimeDir, 'tiny/process.json')
  const { pid } = JSON.parse(await readFile(path, 'utf8')) as { pid: number }
  process.kill(pid, 'SIGKILL')
  for (const name of await readdir(runtimeDir, { recursive: true })) {
    if (!name.endsWith('.json')) continue
    const text = await readFile(join(runtimeDir, name), 'utf8')
    // The pid now belongs to another process.
    const other = text
      .replaceAll(/"bootId": "[^"]*"/g, '"bootId": "11111111-2222-3333-4444-555555555555"')
      .replaceAll(new RegExp(`"pid": ${pid}\\b`, 'g'), `"pid": ${process.pid}`)
    await writeFile(join(runtimeDir, name), other)
  }
  for (const [verb, ...rest] of [
    ['list', '--all'],
    ['domstate', 'tiny', '--reason'],
  ] as const)
    assert.equal((await stasis(stateDir, verb, ...rest)).exitCode, 0)
}

async function saveAndDie({ stateDir }: TinyDomain, image: string, phase: string): Promise<void> {
  const script = join(import.meta.dirname, '../support/save-and-die.ts')
  const child = spawn(process.execPath, [script, stateDir, image, phase], { stdio: 'inherit' })
  await once(child, 'close')
}

for (const { label, emulator } of oldestQemu()) {
  test(`a running domain is off after a reboot of the host, on QEMU ${label}`, async () => {
    await using tiny = await startTinyDomain({ emulator })
    const { stateDir, runtimeDir } = tiny
    await reboot(tiny)
    assert.equal((await domainInfo('tiny', { stateDir })).state, 'shut off')
    assert.equal((await stasis(stateDir, 'destroy', 'tiny')).exitCode, 3)
    assert.deepEqual(await readdir(runtimeDir), [])
    assert.equal((await stasis(stateDir, 'start', 'tiny')).exitCode, 0)
  })

  test(`a save that a reboot broke off leaves no part of an image, on QEMU ${label}`, async () => {
    await using tiny = await startTinyDomain({ emulator })
    const { stateDir, runtimeDir, dir, log } = tiny
    await log.advance(1)
    await saveAndDie(tiny, dir.join('image'), 'transferring')
    await reboot(tiny)
    assert.equal((await stasis(stateDir, 'destroy', 'tiny')).exitCode, 3)
    assert.deepEqual(await readdir(runtimeDir), [])
    const left = (await readdir(dir.path)).filter((name) => name.includes('image'))
    assert.deepEqual(left, [])
    const { stdout } = await stasis(stateDir, 'domjobinfo', 'tiny', '--completed')
    assert.match(stdout, /was killed/)
  })

  test(`a save that was complete before a reboot is the guest, on QEMU ${label}`, async () => {
    await using tiny = await startTinyDomain({ emulator })
    const { stateDir, dir, log } = tiny
    const image = dir.join('image')
    await log.advance(1)
    await saveAndDie(tiny, image, 'ending')
    await reboot(tiny)
    const { stdout } = await stasis(stateDir, 'domstate', 'tiny', '--reason')
    assert.equal(stdout, `shut off (saved)\nImage: ${image}\n`)
    const { exitCode, stderr } = await stasis(stateDir, 'restore', image)
    assert.equal(exitCode, 0, stderr)
    await log.advance(1)
    await log.assertUnbroken()
  })

  test(`a clock that was set back changes nothing, on QEMU ${label}`, async () => {
    await using tiny = await startTinyDomain({ emulator })
    const { stateDir, dir, log } = tiny
    const image = dir.join('image')
    await log.advance(1)
    await saveDomain('tiny', image, { stateDir })
    // Everything that is recorded happened a century from now.
    for (const name of await readdir(stateDir, { recursive: true })) {
      if (!/^(ended|jobs|images)\/.*\.json$/.test(name)) continue
      const text = await readFile(join(stateDir, name), 'utf8')
      await writeFile(join(stateDir, name), text.replaceAll(/"20(\d\d-\d\d-\d\dT)/g, '"21$1'))
    }
    for (const args of [
      ['domstate', 'tiny', '--reason'],
      ['domjobinfo', 'tiny', '--completed'],
      ['image-check', image],
      ['restore', image],
      ['save', 'tiny', image],
      ['restore', image],
    ]) {
      const { exitCode, stderr } = await stasis(stateDir, ...args)
      assert.equal(exitCode, 0, `${args.join(' ')}: ${stderr}`)
    }
    await log.advance(1)
    await log.assertUnbroken()
  })
}
