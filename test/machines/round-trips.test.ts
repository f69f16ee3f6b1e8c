import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, type Server, createServer } from 'node:net'
import { once } from 'node:events'
import { suite, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  defineDomain,
  destroyDomain,
  domainInfo,
  restoreDomain,
  resumeDomain,
  saveDomain,
  startDomain,
  suspendDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { reserveHugePages } from '../support/huge-pages.ts'
import { fillUnusedMemory, memoryDigests } from '../support/memory-digest.ts'
import { isLongRun, newestQemu, type TestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'
import { virtInstallCases } from './cases.ts'
import { MEMORY_BYTES, type MachineHere, onThisHost } from './on-this-host.ts'

// Domains that virt-install wrote are defined, started, saved and restored twice: while they run, and paused, when all of their memory is compared
// from outside.

/** The machines of the short form. */
const SHORT = ['ubuntu24.04', 'tpm', 'memory-dimm']

/** Why a machine cannot start or be saved on this host or any. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'disk-rbd': 'there is no Ceph',
  'disk-nbd': 'there is no NBD server',
  'hostdev-pci': 'there is no PCI device to give away',
  'hostdev-usb': 'there is no USB device to give away',
  'hostdev-mdev': 'there is no mediated device',
  sev: 'the processor does not encrypt memory',
}

/** What QEMU itself says when it cannot save a machine. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'channel-vdagent': /vdagent chardev doesn't yet support migration/,
  'filesystem-virtiofs': /vhost-user-fs/,
  'serial-usb': /usb-serial/,
  shmem: /'peer mode' in device 'ivshmem'/,
  'sound-usb': /usb-audio/,
}

const NETWORKS = {
  default: 'user',
  br0: 'user',
  br1: 'user',
  ovsbr0: 'user',
  eth0: 'user',
} as const

for (const qemu of newestQemu()) {
  suite(`QEMU ${qemu.label}`, () => {
    for (const { name, input } of virtInstallCases()) {
      if (!isLongRun() && !SHORT.includes(name)) continue
      test(`${name} is started, saved and restored`, { timeout: 600_000 }, async (context) => {
        const text = await readFile(input, 'utf8')
        const obstacle = ELSEWHERE[name] ?? lacking(text, qemu)
        if (obstacle !== undefined) return context.skip(obstacle)
        await roundTrips(name, text, qemu)
      })
    }
  })
}

/** What a machine needs that this host or this QEMU does not have. */
function lacking(xml: string, { major }: TestQemu): string | undefined {
  if (major >= 10 && /<model type="qxl"/.test(xml)) return 'this QEMU is built without QXL'
  if (/<vsock/.test(xml) && !existsSync('/dev/vhost-vsock')) return 'there is no /dev/vhost-vsock'
  if (/<gl enable="yes"/.test(xml) && !existsSync('/dev/dri')) return 'there is no render node'
  return undefined
}

async function roundTrips(name: string, text: string, qemu: TestQemu): Promise<void> {
  await using dir = await tempDir()
  await using _pages = await hugePages(text)
  await using server = await listen()
  const stateDir = dir.join('state')
  const ports = { served: portOf(server), free: await freePort() }
  const machine = onThisHost(text, dir.path, qemu, ports)
  const options = { stateDir, networks: NETWORKS, allow: ['everything'] } as const
  await defineDomain(machine.xml, options)
  let { id } = await startDomain(name, options)
  try {
    await untilItWorks(machine)
    const reason = REFUSED[name]
    if (reason !== undefined) {
      const save = saveDomain(name, dir.join('running'), { stateDir })
      await assert.rejects(save, (error: Error & { readonly code?: string }) => {
        // Newer QEMUs ask the program that shares a directory, and only at the end.
        assert.ok(['QEMU_REFUSED', 'MIGRATION_FAILED'].includes(error.code ?? ''), error)
        assert.match(`${error.message}. ${String(error.cause)}`, reason)
        return true
      })
      return await goesOn(name, machine, stateDir)
    }
    // Newer QEMUs save virtio-mem in their own formats only.
    const format = text.includes('virtio-mem') ? 'raw' : 'stasis'
    await saveDomain(name, dir.join('running'), { stateDir, format })
    ;({ id } = await restoreDomain(dir.join('running'), options))
    await goesOn(name, machine, stateDir)

    await suspendDomain(name, { stateDir })
    if (machine.guest !== 'linux') await fillUnusedMemory(id, machine.writableBytes)
    const before = await memoryDigests(id, machine.ramBytes)
    await saveDomain(name, dir.join('paused'), { stateDir, format: 'raw' })
    ;({ id } = await restoreDomain(dir.join('paused'), options))
    assert.deepEqual(await memoryDigests(id, machine.ramBytes), before)
    await resumeDomain(name, { stateDir })
    await goesOn(name, machine, stateDir)
  } finally {
    await destroyDomain(name, { stateDir }).catch(() => undefined)
  }
}

async function hugePages(text: string): Promise<AsyncDisposable | undefined> {
  if (!text.includes('<hugepages')) return undefined
  const reserved = await reserveHugePages(2 * MEMORY_BYTES)
  return typeof reserved === 'string' ? undefined : reserved
}

/** A server for the ports of machines that connect to one. */
async function listen(): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined).resume())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function freePort(): Promise<number> {
  await using server = await listen()
  return portOf(server)
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

async function untilItWorks({ guest, serial }: MachineHere): Promise<void> {
  if (guest === 'tiny' && serial !== undefined) await new CounterLog(serial).advance(2)
  else if (guest === 'linux' && serial !== undefined) await ticks(serial, 2)
  else await delay(3_000)
}

async function goesOn(name: string, machine: MachineHere, stateDir: string): Promise<void> {
  const { serial, guest } = machine
  assert.equal((await domainInfo(name, { stateDir })).state, 'running')
  if (serial === undefined || guest === 'firmware') return
  if (guest === 'linux') return ticks(serial, 2)
  const log = new CounterLog(serial)
  await log.advance(2)
  await log.assertUnbroken()
}

/** Waits until the Linux guest has ticked so often again. */
async function ticks(serial: string, more: number): Promise<void> {
  const count = async (): Promise<number> =>
    (await readFile(serial, 'latin1')).match(/^TICK \d+\r?$/gm)?.length ?? 0
  const until = (await count()) + more
  for (const end = Date.now() + 180_000; (await count()) < until; await delay(50))
    assert.ok(Date.now() < end, 'the guest ticks')
}
