import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { test } from 'node:test'
import { smallXml, testStore } from '../../../test/support/test-store.ts'
import { examineHost } from './doctor.ts'
import { writeDefinition } from '../store/definitions.ts'

const TIGHT = `<domain type='qemu'><name>tight</name><memory unit='TiB'>512</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <memoryBacking><hugepages/></memoryBacking></domain>`

test('examineHost() says where images go to memory, and which definitions this host cannot start', async () => {
  await using store = await testStore()
  const { directories } = store
  await mkdir(directories.stateDir, { recursive: true, mode: 0o700 })
  await writeDefinition(directories, 'tight', TIGHT)
  const { findings } = await examineHost({ ...directories, saveDir: '/dev/shm' })
  const of = (check: string) => findings.filter((one) => one.check === check)
  const texts = of('storage').map(({ text }) => text)
  assert.ok(texts.some((text) => text.startsWith(`${directories.stateDir}/save`)))
  const shm = of('storage').find(({ text }) => text.startsWith('/dev/shm is in memory'))
  assert.equal(shm?.verdict, 'warning')
  assert.match(shm.remedy ?? '', /on a disk/)
  assert.deepEqual(
    of('huge-pages').map(({ verdict }) => verdict),
    ['warning'],
  )
  for (const check of ['node', 'limits', 'programs', 'libvirt', 'clock', 'systemd'])
    assert.ok(of(check).length > 0, check)
  for (const { verdict, remedy } of findings)
    assert.ok(verdict === 'ok' || remedy !== undefined, 'what is not right says what to do')
})

test('examineHost() names programs for network cards only where a definition needs them', async () => {
  await using store = await testStore()
  const programs = async (): Promise<string> => {
    const { findings } = await examineHost(store.directories)
    return findings.flatMap(({ check, text }) => (check === 'programs' ? [text] : [])).join('\n')
  }
  await mkdir(store.directories.stateDir, { recursive: true, mode: 0o700 })
  assert.doesNotMatch(await programs(), /ovs-vsctl|passt|^ip\b/m)
  const devices = `<interface type='direct'><source dev='eth0'/></interface><interface type='user'><backend type='passt'/></interface>
    <interface type='bridge'><source bridge='ovs0'/><virtualport type='openvswitch'/></interface>`
  await writeDefinition(store.directories, 'net', smallXml({ name: 'net', devices }))
  for (const name of ['ip', 'ovs-vsctl', 'passt'])
    assert.match(await programs(), new RegExp(`^${name}(: /| is not installed: 'net')`, 'm'))
})

test('examineHost() refuses a directory that is none', async () => {
  await using store = await testStore()
  await assert.rejects(examineHost({ ...store.directories, saveDir: '' }), { code: 'BAD_ARGUMENT' })
})
