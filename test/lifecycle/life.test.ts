import assert from 'node:assert/strict'
import { readFile, readdir, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  defineDomain,
  destroyDomain,
  domainInfo,
  dumpDomainXml,
  listDomains,
  resumeDomain,
  startDomain,
  suspendDomain,
  undefineDomain,
} from '../../src/index.ts'
import { identifyProcess } from '../../src/qemu/process/process-identity.ts'
import { domainXml } from '../support/domain-xml.ts'
import { qemus } from '../support/qemus.ts'
import { snapshotOf } from '../support/snapshot.ts'
import { stasis } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'
import { killUntilDead } from '../support/kill-until-dead.ts'

test('a domain goes through its life with the words of virsh', { timeout: 300_000 }, async () => {
  await using tiny = await startTinyDomain({ started: false })
  const { dir, stateDir, log } = tiny
  const says = async (line: string): Promise<string> => {
    const { stdout, stderr, exitCode } = await stasis(stateDir, ...line.split(' '))
    assert.equal(exitCode, 0, stderr)
    return stdout
  }
  assert.equal(await says('list'), ' Id   Name   State\n--------------------\n')
  assert.match(await says('list --all'), /^ -    tiny   shut off$/m)
  assert.equal(await says('start tiny --paused'), "Domain 'tiny' started\n")
  assert.equal(await says('domstate tiny'), 'paused\n')
  assert.equal(await says('resume tiny'), "Domain 'tiny' resumed\n")
  await log.advance(2)
  const { id, uuid } = await domainInfo('tiny', { stateDir })
  assert.match(await says('list'), new RegExp(`^ ${id}   tiny   running$`, 'm'))
  assert.match(await says(`dominfo ${id}`), /^Max memory: +16384 KiB$/m)
  assert.equal(await says(`domstate ${uuid}`), 'running\n')
  assert.equal(await says('list --name'), 'tiny\n')
  assert.equal(await says('suspend tiny'), "Domain 'tiny' suspended\n")
  await log.assertStill()
  assert.equal(await says('suspend tiny'), "Domain 'tiny' suspended\n")
  await writeFile(dir.join('image.xml'), await says('dumpxml tiny'))
  const saved = (await says(`save tiny ${dir.join('image')}`)).split('\n')
  assert.equal(saved[0], `Domain 'tiny' saved to ${dir.join('image')}`)
  assert.match(saved[1] ?? '', /^[\d.]+ MiB of memory in .* s, .*\/s, [\d.]+ [KM]iB on disk$/)
  assert.match(await says('list --all'), /^ -    tiny   shut off$/m)
  // libvirt before 9.1 refuses the watchdog that every q35 has, so images do without it.
  const defined = (await says('dumpxml tiny')).replace(/^ *<watchdog model='itco'.*\n/m, '')
  assert.equal(await says(`save-image-dumpxml ${dir.join('image')}`), defined)
  const restored = (await says(`restore ${dir.join('image')} --running`)).split('\n')
  assert.equal(restored[0], `Domain restored from ${dir.join('image')}`)
  assert.match(restored[1] ?? '', /^[\d.]+ MiB of memory/)
  await log.advance(2)
  assert.equal(await says('undefine tiny'), "Domain 'tiny' has been undefined\n")
  assert.equal((await domainInfo('tiny', { stateDir })).persistent, false)
  assert.equal(await says('destroy tiny'), "Domain 'tiny' destroyed\n")
  assert.deepEqual(await listDomains({ stateDir, all: true }), [])
  assert.deepEqual(await readdir(tiny.runtimeDir), [])
  await log.assertUnbroken()
})

test('startDomain() refuses a running domain', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir } = tiny
  await assert.rejects(startDomain('tiny', { stateDir }), { code: 'DOMAIN_RUNNING' })
  await assert.rejects(resumeDomain('tiny', { stateDir }), { code: 'DOMAIN_WRONG_STATE' })
})

test('operations on a domain that is not running fail with DOMAIN_NOT_RUNNING', async () => {
  await using tiny = await startTinyDomain({ started: false })
  const { stateDir } = tiny
  for (const act of [suspendDomain, resumeDomain, destroyDomain])
    await assert.rejects(act('tiny', { stateDir }), { code: 'DOMAIN_NOT_RUNNING' })
})

test('records of a QEMU that has ended are not believed', { timeout: 60_000 }, async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, runtimeDir } = tiny
  const { id } = await domainInfo('tiny', { stateDir })
  await killUntilDead(id as number)
  const before = await snapshotOf(stateDir)
  const { state, lastEnd } = await domainInfo('tiny', { stateDir })
  assert.deepEqual([state, lastEnd?.reason], ['shut off', 'crashed'])
  assert.deepEqual(await snapshotOf(stateDir), before, 'a look writes nothing')
  await assert.rejects(resumeDomain('tiny', { stateDir }), { code: 'DOMAIN_NOT_RUNNING' })
  assert.deepEqual(await readdir(runtimeDir), [], 'what the dead QEMU left is gone')
  assert.equal((await domainInfo('tiny', { stateDir })).lastEnd?.reason, 'crashed')

  // A pid that another process has now is not the domain's QEMU.
  const started = await startDomain('tiny', { stateDir })
  const path = join(runtimeDir, 'tiny/process.json')
  const record = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
  await writeFile(path, JSON.stringify({ ...record, pid: process.pid }))
  const running = { code: 'STATE_UNREADABLE', path, message: new RegExp(`process ${started.id}`) }
  await assert.rejects(domainInfo('tiny', { stateDir }), running)
  await assert.rejects(resumeDomain('tiny', { stateDir }), running)
  await killUntilDead(started.id)
  assert.equal((await domainInfo('tiny', { stateDir })).state, 'shut off')
})

test(
  'the next operation ends a QEMU whose start was interrupted',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, runtimeDir } = tiny
    const { id } = await domainInfo('tiny', { stateDir })
    const path = join(runtimeDir, 'tiny/process.json')
    const record = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
    await writeFile(path, JSON.stringify({ ...record, stage: 'starting' }))
    assert.deepEqual(await listDomains({ stateDir }), [])
    assert.ok((await identifyProcess(id as number)) !== undefined, 'a look ends nothing')
    await startDomain('tiny', { stateDir })
    assert.equal(await identifyProcess(id as number), undefined)
  },
)

test('startDomain() leaves nothing when QEMU does not start', async () => {
  await using tiny = await startTinyDomain({ started: false })
  const { stateDir, runtimeDir, xml, dir } = tiny
  const broken = xml.replace('/dev/urandom', dir.join('no-such-device'))
  await defineDomain(broken, { stateDir })
  await assert.rejects(startDomain('tiny', { stateDir }), (error: Error & { code: string }) => {
    assert.equal(error.code, 'QEMU_START_FAILED')
    assert.match(error.message, /no-such-device/)
    return true
  })
  assert.deepEqual(await readdir(runtimeDir), [])
})

test('defineDomain() keeps names and UUIDs apart', async () => {
  await using tiny = await startTinyDomain({ started: false })
  const { stateDir, xml } = tiny
  const { uuid } = await domainInfo('tiny', { stateDir })
  await assert.rejects(defineDomain(xml.replace('<name>tiny<', '<name>other<'), { stateDir }), {
    code: 'DOMAIN_EXISTS',
    message: `The UUID ${uuid} already belongs to domain 'tiny'`,
  })
  const another = xml.replace(uuid, '11111111-2222-4333-8444-555555555555')
  await assert.rejects(defineDomain(another, { stateDir }), { code: 'DOMAIN_EXISTS' })
  await defineDomain(xml.replace('<on_crash>destroy', '<on_crash>preserve'), { stateDir })
  assert.match(await dumpDomainXml('tiny', { stateDir }), /<on_crash>preserve/)
  const kept = await stat(join(stateDir, 'domains/tiny.xml'))
  assert.equal(kept.mode & 0o777, 0o600)
})

test('changing a definition does not change the domain that runs', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, xml } = tiny
  await defineDomain(xml.replace('<on_crash>destroy', '<on_crash>preserve'), { stateDir })
  assert.match(await dumpDomainXml('tiny', { stateDir }), /<on_crash>destroy/)
  assert.match(await dumpDomainXml('tiny', { stateDir, inactive: true }), /<on_crash>preserve/)
})

test('undefineDomain() refuses a transient domain', async () => {
  await using tiny = await startTinyDomain()
  const { stateDir } = tiny
  await undefineDomain('tiny', { stateDir })
  await assert.rejects(undefineDomain('tiny', { stateDir }), { code: 'DOMAIN_NOT_FOUND' })
})

test('defineDomain() refuses a machine type that this QEMU lacks', async () => {
  await using tiny = await startTinyDomain({ started: false })
  const emulator = qemus()[0]?.emulator ?? ''
  const serial = { type: 'pty' } as const
  const xml = domainXml({ name: 'new', guest: 'tiny', emulator, serial, machine: 'pc-q35-99.0' })
  await assert.rejects(defineDomain(xml, { stateDir: tiny.stateDir }), {
    code: 'QEMU_LACKS_FEATURE',
    message: /does not have the machine type pc-q35-99\.0/,
  })
})

test(
  'the next command ends a QEMU whose starting process was killed before it recorded it',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, runtimeDir } = tiny
    const { id } = await domainInfo('tiny', { stateDir })
    await unlink(join(runtimeDir, 'tiny/process.json'))
    await writeFile(join(runtimeDir, 'tiny/starting'), '')
    assert.deepEqual(await listDomains({ stateDir }), [])
    assert.ok((await identifyProcess(id as number)) !== undefined, 'a look ends nothing')
    await assert.rejects(resumeDomain('tiny', { stateDir }), { code: 'DOMAIN_NOT_RUNNING' })
    assert.equal(await identifyProcess(id as number), undefined)
    assert.deepEqual(await readdir(runtimeDir), [])
  },
)

test('QEMU runs in the time zone of the guest clock', { timeout: 60_000 }, async () => {
  await using tiny = await startTinyDomain({ started: false })
  const { stateDir } = tiny
  const clock = `<clock offset='timezone' timezone='Asia/Kathmandu'/>`
  await defineDomain(tiny.xml.replace(/<clock[^>]*\/>|(?=<devices>)/, clock), { stateDir })
  const { id } = await startDomain('tiny', { stateDir })
  const environment = (await readFile(`/proc/${id}/environ`, 'latin1')).split('\0')
  assert.ok(environment.includes('TZ=Asia/Kathmandu'), 'TZ is not set')
})
