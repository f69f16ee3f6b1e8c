import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { truncate, writeFile } from 'node:fs/promises'
import { suite, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  defineDomain,
  destroyDomain,
  restoreDomain,
  resumeDomain,
  saveDomain,
  startDomain,
  suspendDomain,
  undefineDomain,
} from '../../src/index.ts'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { simpleBeds } from '../support/interop-beds.ts'
import { type LibvirtBed, bedObstacle, holdLibvirt } from '../support/libvirt-bed.ts'
import { fillUnusedMemory, memoryDigests } from '../support/memory-digest.ts'
import { qemuProcess } from '../support/qemu-process.ts'
import { isLongRun } from '../support/qemus.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'
import type { Side } from '../support/travelling-guest.ts'

// A guest of each family of devices goes to the other program and back, paused: its memory is the same in each QEMU. Then it runs on. Each program
// starts guests, because each completes their XML in its own way.

/** A family: what an ordinary guest gets besides. */
interface Family {
  /** The sizes of its RAM blocks in MiB. */
  readonly ramMib: readonly number[]
  readonly change: (xml: string, dir: TempDir) => Promise<string> | string
  /** The tiny guest does not boot with UEFI. */
  readonly firmwareOnly?: boolean
  /** It needs a bridge, and libvirt's network of it. */
  readonly needsBridge?: boolean
  /** What its XML in libvirt contains. */
  readonly shows: RegExp
}

const BASE_MIB = 128
const CELL_MIB = 80
const MODULE_MIB = 96
const BRIDGE = `stbr${process.pid}`.slice(0, 15)
const NETWORK = `<network><name>travel</name><forward mode='bridge'/><bridge name='${BRIDGE}'/></network>`
const SECURE = `<firmware><feature name='secure-boot' enabled='yes'/><feature name='enrolled-keys' enabled='no'/></firmware>`

/** One of them is plugged in after the start. */
const PROCESSORS = `<vcpu current='2'>3</vcpu><vcpus>
<vcpu id='0' enabled='yes' hotpluggable='no' order='1'/>
<vcpu id='1' enabled='no' hotpluggable='yes'/>
<vcpu id='2' enabled='yes' hotpluggable='yes' order='2'/></vcpus>`

const FAMILIES: Readonly<Record<string, Family>> = {
  network: {
    ramMib: [BASE_MIB],
    change: (xml) =>
      xml.replace(
        "<interface type='user'>",
        "<interface type='network'><source network='travel'/>",
      ),
    needsBridge: true,
    shows: new RegExp(`<source network='travel' portid='[^']+' bridge='${BRIDGE}'/>`),
  },
  macvtap: {
    ramMib: [BASE_MIB],
    change: (xml) =>
      xml.replace(
        "<interface type='user'>",
        `<interface type='direct'><source dev='${BRIDGE}' mode='bridge'/>`,
      ),
    needsBridge: true,
    shows: /<target dev='macvtap\d+'\/>/,
  },
  tpm: {
    ramMib: [BASE_MIB],
    change: (xml) =>
      withDevice(xml, "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"),
    shows: /<backend type='emulator' version='2.0'/,
  },
  'secure-boot': {
    ramMib: [BASE_MIB],
    // Both programs see the variable store at one path.
    change: (xml, dir) =>
      xml
        .replace('<os>', "<os firmware='efi'>")
        .replace('</os>', `${SECURE}<nvram>${dir.join('vars.fd')}</nvram></os>`),
    firmwareOnly: true,
    shows: /secure='yes'[^]*<smm state='on'/,
  },
  numa: {
    ramMib: [CELL_MIB, CELL_MIB],
    change: (xml) => withCells(xml, ['0', '1']),
    shows: /<cell id='1'/,
  },
  processors: {
    ramMib: [BASE_MIB],
    change: (xml) => xml.replace(/<vcpu\b.*<\/vcpu>/, PROCESSORS),
    shows: /<vcpu id='2' enabled='yes' hotpluggable='yes'/,
  },
  dimm: module('dimm', ''),
  nvdimm: module('nvdimm', "<label><size unit='KiB'>128</size></label>", 'file'),
  'virtio-mem': module(
    'virtio-mem',
    "<block unit='MiB'>2</block><requested unit='MiB'>32</requested>",
  ),
}

const SIDES: readonly Side[] = ['stasis', 'virsh']

/** Families like another one, only for the long run. */
const LONG: ReadonlySet<string> = new Set(['macvtap', 'nvdimm', 'virtio-mem'])

function module(model: string, target: string, file?: string): Family {
  return {
    ramMib: [CELL_MIB, MODULE_MIB],
    change: async (xml, dir) => {
      const path = dir.join('module')
      await writeFile(path, '')
      await truncate(path, MODULE_MIB * 1024 * 1024)
      const source = file === undefined ? '' : `<source><path>${path}</path></source>`
      const access = file === undefined ? '' : " access='shared'"
      const device = `<memory model='${model}'${access}>${source}<target><size unit='MiB'>${MODULE_MIB}</size><node>0</node>${target}</target></memory>`
      return withDevice(withCells(xml, ['0-1']), device).replace(
        '<memory ',
        "<maxMemory unit='MiB' slots='4'>1024</maxMemory><memory ",
      )
    },
    shows: new RegExp(`<memory model='${model}'`),
  }
}

function withDevice(xml: string, device: string): string {
  return xml.replace('<memballoon', `${device}<memballoon`)
}

function withCells(xml: string, processors: readonly string[]): string {
  const cells = processors.map(
    (cpus, id) => `<cell id='${id}' cpus='${cpus}' memory='${CELL_MIB}' unit='MiB'/>`,
  )
  return xml
    .replace('</cpu>', `<numa>${cells.join('')}</numa></cpu>`)
    .replaceAll(/(<(?:memory|currentMemory) unit=')KiB'>\d+/g, `$1MiB'>${CELL_MIB * cells.length}`)
}

for (const { version, emulator, machines } of simpleBeds(isLongRun() ? ['9.0', '11.3'] : ['9.0'])) {
  const skip = bedObstacle() ?? false
  suite(`families of devices and real libvirt ${version}`, { skip }, () => {
    test('go there and back', { timeout: 900_000 }, async (t) => {
      await using bed = await holdLibvirt(version)
      for (const [name, family, starter] of journeys()) {
        await t.test(`${name}, started by ${starter}`, async () => {
          await using dir = await tempDir()
          const serial = { type: 'file', path: dir.join('serial') } as const
          const xml = domainXml({
            name,
            guest: 'tiny',
            emulator,
            serial,
            machine: machines.q35,
            memoryMib: BASE_MIB,
            vcpus: 2,
          })
          // libvirt 9.0 does not have the name of q35's own watchdog.
          const usual = version === '9.0' ? xml.replace(/ *<watchdog model='itco'.*\n/, '') : xml
          const changed = await family.change(usual, dir)
          await thereAndBack(bed, { name, family, dir, xml: changed }, starter)
        })
      }
    })
  })
}

/** Usually not all of them. */
function journeys(): readonly (readonly [name: string, family: Family, starter: Side])[] {
  return Object.entries(FAMILIES).flatMap(([name, family]) =>
    SIDES.filter(
      (side) => isLongRun() || (side === 'stasis' ? !LONG.has(name) : name === 'secure-boot'),
    ).map((side) => [name, family, side] as const),
  )
}

interface Traveller {
  readonly name: string
  readonly family: Family
  readonly dir: TempDir
  readonly xml: string
}

/** What a program does with a guest; QEMU's process is what `start` and `restore` return. */
interface Program {
  start(): Promise<number>
  suspend(): Promise<unknown>
  save(path: string): Promise<unknown>
  restore(path: string): Promise<number>
  resume(): Promise<unknown>
}

async function thereAndBack(bed: LibvirtBed, traveller: Traveller, starter: Side): Promise<void> {
  const { name, family, dir } = traveller
  const programs = { stasis: stasisProgram(traveller), virsh: virshProgram(bed, traveller) }
  const [first, second] =
    starter === 'stasis' ? [programs.stasis, programs.virsh] : [programs.virsh, programs.stasis]
  const ramBytes = family.ramMib.map((mib) => mib * 1024 * 1024)
  const log = new CounterLog(dir.join('serial'))
  await using _network = family.needsBridge === true ? await network(bed, dir) : undefined
  try {
    const started = await first.start()
    if (family.firmwareOnly === true) await delay(3_000)
    else await log.advance(2)
    await first.suspend()
    // The parts of virtio-mem come only when the guest asks for them.
    await fillUnusedMemory(started, name === 'virtio-mem' ? ramBytes.slice(0, 1) : ramBytes)
    const before = await memoryDigests(started, ramBytes)
    await first.save(dir.join('there'))
    assert.deepEqual(await memoryDigests(await second.restore(dir.join('there')), ramBytes), before)
    await second.save(dir.join('back'))
    assert.deepEqual(await memoryDigests(await first.restore(dir.join('back')), ramBytes), before)
    await first.resume()
    if (family.firmwareOnly === true) return
    await log.advance(2)
    await log.assertUnbroken()
  } finally {
    await destroyDomain(name, { stateDir: dir.join('state') }).catch(() => undefined)
    await bed.virsh('destroy', name).catch(() => undefined)
  }
}

function stasisProgram({ name, dir, xml }: Traveller): Program {
  const stateDir = dir.join('state')
  const networks = { travel: `bridge:${BRIDGE}` } as const
  const options = { stateDir, networks, allow: [`network:${BRIDGE}`] } as const
  return {
    start: async () => {
      await defineDomain(xml, options)
      const { id } = await startDomain(name, options)
      // From now on it exists only in its images.
      await undefineDomain(name, { stateDir, nvram: false })
      return id
    },
    suspend: () => suspendDomain(name, { stateDir }),
    save: (path) => saveDomain(name, path, { stateDir, format: 'raw' }),
    restore: async (path) => (await restoreDomain(path, options)).id,
    resume: () => resumeDomain(name, { stateDir }),
  }
}

function virshProgram(bed: LibvirtBed, { name, family, dir, xml }: Traveller): Program {
  const running = async (): Promise<number> => {
    assert.match(await bed.virsh('dumpxml', name), family.shows)
    return qemuProcess(name)
  }
  return {
    start: async () => {
      await writeFile(dir.join('xml'), xml)
      await bed.virsh('create', dir.join('xml'))
      return running()
    },
    suspend: () => bed.virsh('suspend', name),
    save: (path) => bed.virsh('save', name, path),
    restore: async (path) => {
      await bed.virsh('restore', path)
      return running()
    },
    resume: () => bed.virsh('resume', name),
  }
}

/** A bridge, and libvirt's network of it. */
async function network(bed: LibvirtBed, dir: TempDir): Promise<AsyncDisposable> {
  execFileSync('ip', ['link', 'add', BRIDGE, 'type', 'bridge'])
  await writeFile(dir.join('network.xml'), NETWORK)
  await bed.virsh('net-create', dir.join('network.xml'))
  return {
    [Symbol.asyncDispose]: async () => {
      await bed.virsh('net-destroy', 'travel')
      execFileSync('ip', ['link', 'del', BRIDGE])
    },
  }
}
