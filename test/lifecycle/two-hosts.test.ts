import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { domainInfo } from '../../src/index.ts'
import { identifyProcess } from '../../src/qemu/process/process-identity.ts'
import { snapshotOf } from '../support/snapshot.ts'
import { type CommandResult, stasisWith } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

/** What another host with its own boot and processes does to the state directory. It sees this host's processes, which is worse than the truth. */
const ACTS = [
  ['start', 'tiny'],
  ['destroy', 'tiny'],
  ['suspend', 'tiny'],
  ['managedsave', 'tiny'],
  ['undefine', 'tiny'],
  ['autostart', 'tiny'],
  ['start', 'nobody'],
  ['save', 'tiny', '--check', 'image'],
] as const

test('a second host cannot use a state directory, and changes nothing in it', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, log } = tiny
  await log.advance(1)
  const { id } = await domainInfo('tiny', { stateDir })
  const onOther = (...args: readonly string[]): Promise<CommandResult> =>
    stasisWith({ stateDir, env: { STASIS_HOST_ID: 'another' } }, ...args)
  const before = await snapshotOf(stateDir)
  for (const args of ACTS) {
    const { exitCode, stderr } = await onOther(...args)
    assert.equal(exitCode, 7, `${args.join(' ')}: ${stderr}`)
    assert.match(stderr, /belongs to host '.+'[^]*hint: .*remove .*host\.json/)
  }
  // It may look.
  for (const args of [['list', '--all'], ['dumpxml', 'tiny'], ['version']])
    assert.equal((await onOther(...args)).exitCode, 0, args.join(' '))
  assert.deepEqual(
    (await snapshotOf(stateDir)).filter((line) => !line.startsWith('log/tiny.log')),
    before.filter((line) => !line.startsWith('log/tiny.log')),
  )
  assert.ok((await identifyProcess(id as number)) !== undefined)
  await log.advance(1)

  // This host was installed anew: nothing is lost once a person has said so.
  await rm(join(stateDir, 'host.json'))
  assert.equal((await onOther('suspend', 'tiny')).exitCode, 0)
  assert.equal((await onOther('resume', 'tiny')).exitCode, 0)
  assert.equal((await stasisWith({ stateDir, env: {} }, 'suspend', 'tiny')).exitCode, 7)
  await rm(join(stateDir, 'host.json'))
  await log.advance(1)
  await log.assertUnbroken()
})

test('a domain that runs on another host is not called ended', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, runtimeDir } = tiny
  // The other host has booted at another time, so the process of the record is not one of its own.
  const path = join(runtimeDir, 'tiny/process.json')
  const record = await readFile(path, 'utf8')
  await writeFile(path, record.replace(/"bootId": "[^"]*"/, '"bootId": "another"'))
  const env = { STASIS_HOST_ID: 'another' }
  const list = await stasisWith({ stateDir, env }, 'list', '--all')
  assert.match(list.stdout, /tiny +unknown/)
  assert.match(list.stderr, /belongs to host/)
  assert.equal((await stasisWith({ stateDir, env }, 'domstate', 'tiny')).exitCode, 7)
  await writeFile(path, record)
})
