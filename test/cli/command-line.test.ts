import assert from 'node:assert/strict'
import { truncate, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { buildCommandLine } from '../../src/qemu/command-line/build.ts'
import type { CommandLineOptions } from '../../src/qemu/command-line/options.ts'
import { normaliseDomain } from '../../src/qemu/domain-xml/normalise.ts'
import { parseDomainXml } from '../../src/qemu/domain-xml/parse.ts'
import { readDomain } from '../../src/qemu/domain-xml/read-domain.ts'
import { QmpConnection } from '../../src/qmp/connection.ts'
import { type BareQemu, startBareQemu } from '../support/bare-qemu.ts'
import { qemus, type TestQemu } from '../support/qemus.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

interface Case {
  readonly what: string
  readonly only?: 'q35' | 'pc'
  /** Beside `<devices>`. */
  readonly top?: string
  /** Inside `<os>`. */
  readonly os?: string
  /** Inside `<devices>`; DIR is the directory of the test, with an empty raw `disk.img` and `flash.fd` of 4 MiB. */
  readonly devices?: string
}

const DISK = `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='DIR/disk.img'/>`

const NETWORK_CARDS = [
  'virtio',
  'virtio-transitional',
  'virtio-non-transitional',
  'e1000',
  'e1000e',
  'rtl8139',
  'pcnet',
  'ne2k_pci',
  'vmxnet3',
]

const SCSI_CONTROLLERS = ['lsilogic', 'lsisas1068', 'lsisas1078', 'vmpvscsi', 'virtio-scsi']

/** Each start takes time, so cases that can share a start do. */
const cases: readonly Case[] = [
  { what: 'no devices' },
  {
    what: 'the usual devices',
    devices: `${DISK}<target dev='vda'/></disk>
      <interface type='user'><model type='virtio'/></interface>
      <serial type='file'><source path='DIR/serial.log' append='on'/></serial><serial type='pty'/>
      <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
      <input type='tablet'/><graphics type='vnc'/><rng model='virtio'><backend model='random'/></rng>`,
  },
  {
    what: 'disks on all buses',
    top: '<iothreads>2</iothreads>',
    devices: `${DISK}<target dev='vda' bus='virtio'/></disk>
      <disk><driver type='raw' cache='none' io='threads' discard='unmap' detect_zeroes='unmap' queues='2' iothread='1'/><source file='DIR/five.img'/><target dev='vdb' bus='virtio'/></disk>
      <disk device='cdrom'><target dev='sda' bus='sata'/></disk>
      <disk><source file='DIR/two.img'/><target dev='sdb' bus='sata'/><serial>DISK-2</serial></disk>
      <disk><source file='DIR/three.img'/><target dev='sdc' bus='scsi'/><wwn>5000c50015ea71ad</wwn></disk>
      <disk><source file='DIR/four.img'/><target dev='sdd' bus='usb' removable='on'/></disk>
      <disk device='floppy'><target dev='fda' bus='fdc'/></disk>
      <controller type='scsi' model='virtio-scsi'><driver queues='2' iothread='2'/></controller>
      ${SCSI_CONTROLLERS.map((model) => `<controller type='scsi' model='${model}'/>`).join('')}`,
  },
  {
    what: 'an IDE disk and CD-ROM, more devices than slots',
    only: 'pc',
    devices: `${DISK}<target dev='hda'/><geometry cyls='16' heads='4' secs='32'/></disk>
      <disk device='cdrom'><target dev='hdc'/></disk>
      ${`<interface type='user'><model type='virtio'/></interface>`.repeat(32)}`,
  },
  {
    what: 'network cards',
    devices: `<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/>
      <driver txmode='iothread' ioeventfd='on' event_idx='off' rx_queue_size='512' packed='on'>
      <host csum='on' gso='off' mrg_rxbuf='off'/><guest csum='off' tso4='off'/></driver>
      <ip family='ipv4' address='10.1.2.0' prefix='24'/><mtu size='1400'/><rom bar='off'/></interface>
      ${NETWORK_CARDS.map((model) => `<interface type='user'><model type='${model}'/></interface>`).join('')}`,
  },
  {
    what: 'USB, serial ports, inputs and small devices',
    top: '<genid/><on_crash>preserve</on_crash><on_poweroff>preserve</on_poweroff><on_reboot>preserve</on_reboot>',
    devices: `<controller type='usb' index='0' model='ich9-ehci1'/><controller type='usb' index='0' model='ich9-uhci1'><master startport='0'/></controller>
      <controller type='usb' index='0' model='ich9-uhci2'><master startport='2'/></controller><controller type='usb' index='0' model='ich9-uhci3'><master startport='4'/></controller>
      <controller type='usb' index='1' model='qemu-xhci' ports='15'/><controller type='usb' index='2' model='piix4-uhci'/>
      <controller type='usb' index='3' model='nec-xhci'/><controller type='usb' index='4' model='ehci'/>
      <hub type='usb'/><input type='tablet' bus='usb'/><input type='keyboard' bus='usb'/><input type='mouse' bus='usb'/>
      <input type='tablet' bus='virtio'/><input type='keyboard' bus='virtio'/><input type='mouse' bus='virtio'/>
      <serial type='unix'><source mode='bind' path='DIR/a,b.sock'/></serial><serial type='tcp'><source mode='bind' host='127.0.0.1' service='0'/><protocol type='telnet'/></serial>
      <serial type='null'><log file='DIR/null.log' append='off'/></serial><serial type='pty'><target type='pci-serial'/></serial>
      <serial type='null'><target type='isa-debug'/><address type='isa' iobase='0x402'/></serial><serial type='null'><target type='usb-serial'/></serial>
      <console type='pty'><target type='serial' port='0'/></console><console type='pty'><target type='virtio' port='1'/></console>
      <channel type='pty'><target type='virtio' name='one'/></channel><channel type='null'><target type='virtio' name='two'/></channel>
      <controller type='virtio-serial' index='0' ports='16' vectors='4'/>
      <sound model='ich6'><codec type='micro'/><codec type='output'/></sound><sound model='ich9'/><sound model='ac97'/><sound model='es1370'/><sound model='usb'/>
      <watchdog model='i6300esb' action='poweroff'/><panic model='isa'/><panic model='pvpanic'/><memballoon model='virtio' autodeflate='on' freePageReporting='on'/>
      <rng model='virtio'><backend model='builtin'/><rate bytes='1024' period='500'/></rng>`,
  },
  {
    what: 'PCI bridges and system management mode',
    only: 'q35',
    top: `<features><acpi/><smm state='on'><tseg unit='MiB'>16</tseg></smm></features>`,
    devices: `<controller type='pci' index='0' model='pcie-root'><pcihole64 unit='GiB'>4</pcihole64></controller>
      <controller type='pci' index='1' model='pcie-root-port'/><controller type='pci' index='2' model='pcie-to-pci-bridge'/>
      <controller type='pci' index='3' model='dmi-to-pci-bridge'/><controller type='pci' index='4' model='pci-bridge'/>
      <controller type='pci' index='5' model='pcie-root-port'><target hotplug='off'/></controller>
      <controller type='pci' index='6' model='pcie-switch-upstream-port'/><controller type='pci' index='7' model='pcie-switch-downstream-port'/>
      <controller type='pci' index='8' model='pcie-expander-bus'/>
      <interface type='user'><model type='e1000'/></interface><watchdog model='itco' action='reset'/>`,
  },
  {
    what: 'a vga card and flash memory',
    os: `<loader readonly='yes' type='pflash'>DIR/flash.fd</loader><nvram>DIR/vars.fd</nvram>`,
    top: '<features><acpi/></features>',
    devices: `<graphics type='vnc' socket='DIR/vnc.sock' sharePolicy='force-shared'/><video><model type='vga'/></video>`,
  },
  {
    what: 'two virtio cards',
    devices: `<graphics type='vnc' port='-1' autoport='yes' keymap='de'><listen type='address' address='127.0.0.1'/></graphics><video><model type='virtio' heads='2'/></video><video><model type='virtio'/></video>`,
  },
  {
    what: 'boot options, SMBIOS, no USB and no balloon',
    os: `<loader type="rom">bios-256k.bin</loader><boot dev='network'/><boot dev='hd'/><boot dev='cdrom'/><bootmenu enable='yes' timeout='3000'/><smbios mode='sysinfo'/><bios useserial='yes' rebootTimeout='1000'/>`,
    top: `<sysinfo type='smbios'><bios><entry name='vendor'>A, B</entry></bios><system><entry name='manufacturer'>Us</entry><entry name='serial'>1</entry></system>
      <baseBoard><entry name='asset'>x</entry></baseBoard><chassis><entry name='serial'>2</entry></chassis><oemStrings><entry>one</entry><entry>two</entry></oemStrings></sysinfo>`,
    devices: `<controller type='usb' model='none'/><memballoon model='none'/><interface type='user'><model type='virtio'/></interface><video><model type='none'/></video>`,
  },
  {
    what: 'NUMA cells, a topology and a bochs card',
    top: `<vcpu>4</vcpu><cpu mode='custom'><model>qemu64</model><topology sockets='2' dies='1' cores='2' threads='1'/><feature policy='require' name='lahf_lm'/><feature policy='disable' name='svm'/>
      <numa><cell id='0' cpus='0-1' memory='48' unit='MiB'><distances><sibling id='1' value='30'/></distances></cell><cell id='1' cpus='2,3' memory='16' unit='MiB' memAccess='shared'/></numa></cpu>`,
    devices: `<video><model type='bochs'/></video>`,
  },
  {
    what: 'offline processors, shared memory and a vmware card',
    top: `<vcpu current='1'>3</vcpu><cpu mode='maximum'/><memoryBacking><nosharepages/><source type='memfd'/><access mode='shared'/><allocation mode='immediate'/></memoryBacking>`,
    devices: `<video><model type='vmvga'/></video>`,
  },
  {
    what: 'features, clock, power management and a ramfb',
    top: `<features><acpi/><apic/><pae/><vmport state='off'/><ps2 state='on'/><hyperv mode='custom'><relaxed state='on'/><vapic state='on'/><spinlocks state='on' retries='8191'/>
      <vendor_id state='on' value='abc'/></hyperv>
      <kvm><hidden state='on'/></kvm><vmcoreinfo state='on'/><tcg><tb-cache unit='MiB'>64</tb-cache></tcg></features>
      <clock offset='variable' adjustment='-3600' basis='localtime'><timer name='rtc' tickpolicy='catchup' track='guest'/><timer name='pit' tickpolicy='delay'/><timer name='hpet' present='no'/><timer name='kvmclock' present='no'/></clock>
      <pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='yes'/></pm>`,
    devices: `<video><model type='ramfb'/></video>`,
  },
]

for (const qemu of qemus()) {
  for (const machine of ['q35', 'pc'] as const) {
    for (const one of cases.filter(({ only }) => only === undefined || only === machine)) {
      test(`buildCommandLine() is accepted by QEMU for ${one.what} [${machine}, ${qemu.label}]`, async () => {
        await using dir = await prepare()
        const xml = domainXml(one, machine, dir.path)
        await startAndQuit(qemu, xml, dir, { incoming: false })
      })
    }
    test(`buildCommandLine() puts guest RAM into a file and waits for an image [${machine}, ${qemu.label}]`, async () => {
      await using dir = await prepare()
      await writeFile(dir.join('ram'), '')
      await truncate(dir.join('ram'), 64 * 1024 * 1024)
      const memoryFiles = new Map([['pc.ram', { path: dir.join('ram'), share: true }]])
      const xml = domainXml({ what: '' }, machine, dir.path)
      await startAndQuit(qemu, xml, dir, { incoming: true, memoryFiles })
    })
  }
}

async function prepare(): Promise<TempDir> {
  const dir = await tempDir()
  for (const name of ['disk.img', 'two.img', 'three.img', 'four.img', 'five.img']) {
    await writeFile(dir.join(name), new Uint8Array(1024 * 1024))
  }
  for (const name of ['flash.fd', 'vars.fd']) {
    await writeFile(dir.join(name), '')
    await truncate(dir.join(name), 4 * 1024 * 1024)
  }
  return dir
}

function domainXml(one: Case, machine: string, directory: string): string {
  return `<domain type='qemu'><name>test</name><memory unit='MiB'>64</memory>${one.top ?? ''}
    <os><type arch='x86_64' machine='${machine}'>hvm</type>${one.os ?? ''}</os>
    <devices>${one.devices ?? ''}</devices></domain>`.replaceAll('DIR', directory)
}

/** Starts QEMU from the XML, waits for its greeting and ends it. */
async function startAndQuit(
  qemu: TestQemu,
  xml: string,
  dir: TempDir,
  options: Pick<CommandLineOptions, 'incoming' | 'memoryFiles'>,
): Promise<void> {
  const machines = (name: string): string =>
    name === 'q35' ? `pc-q35-${qemu.label}` : `pc-i440fx-${qemu.label}`
  const complete = normaliseDomain(parseDomainXml(xml), { machines })
  const monitor = dir.join('qmp')
  const [major = 0, minor = 0] = qemu.label.split('.').map(Number)
  const argv = buildCommandLine(readDomain(complete).domain, {
    ...options,
    qemuVersion: { major, minor, micro: 0 },
    monitors: [{ id: 'monitor', path: monitor }],
    socketDirectory: dir.path,
  })
  await using process = await startBareQemu(qemu.emulator, argv)
  await using qmp = await connect(process, monitor)
  const { status } = await qmp.execute('query-status')
  assert.equal(status, options.incoming ? 'inmigrate' : 'prelaunch')
  await qmp.executeAny('quit')
  assert.equal(await process.exited, 0, process.stderr())
}

/** QEMU sends a greeting once its machine is complete. If it refuses its arguments, it ends before that. */
async function connect(process: BareQemu, path: string): Promise<QmpConnection> {
  let ended: number | null | undefined
  void process.exited.then((code) => (ended = code))
  for (let attempt = 0; ; attempt++) {
    try {
      return await QmpConnection.connect(path)
    } catch (error) {
      if (ended !== undefined || attempt > 400) {
        throw new Error(`QEMU ended: ${process.stderr()}`, { cause: error })
      }
      await sleep(25)
    }
  }
}
