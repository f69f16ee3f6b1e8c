import type { DescribedDevice } from '../../wire/device-description.ts'
import { type Finding, fault, right, warning } from './finding.ts'

/** The shape of a machine, from its migration stream. QEMU loads the stream only into a machine of the same shape. */
export interface MachineShape {
  /** The machine type. */
  readonly machine: string | undefined
  readonly blocks: readonly { readonly name: string; readonly bytes: number }[]
  /** Empty if the stream has no description. */
  readonly devices: readonly DescribedDevice[]
}

/**
 * Checks whether the machine in an image fits the one that QEMU makes here from its XML. Only the image's side counts: anything that QEMU has
 * in addition keeps its initial state (migration/savevm.c `qemu_loadvm_section_start_full`, migration/ram.c `parse_ramblocks`).
 */
export function checkShape(saved: MachineShape, here: MachineShape): readonly Finding[] {
  return [...checkMachine(saved, here), ...checkBlocks(saved, here), ...checkDevices(saved, here)]
}

function checkMachine(saved: MachineShape, here: MachineShape): readonly Finding[] {
  if (saved.machine === undefined || saved.machine === here.machine) return []
  return [
    fault(
      'MACHINE_TYPE',
      `The device state has the machine type ${saved.machine}, but the XML has ${here.machine ?? 'none'}`,
      `Write ${saved.machine} into the XML, with \`stasis save-image-edit\``,
    ),
  ]
}

function checkBlocks(saved: MachineShape, here: MachineShape): readonly Finding[] {
  const sizes = new Map(here.blocks.map(({ name, bytes }) => [name, bytes]))
  const faults = saved.blocks.flatMap(({ name, bytes }) => {
    const size = sizes.get(name)
    if (size === bytes) return []
    if (size === undefined) {
      const text = `The image has the memory block ${name}, which the machine of this XML lacks`
      return [fault('RAM_BLOCKS', text, blockHint(name))]
    }
    const text = `The memory block ${name} has ${bytes} bytes in the image and ${size} here`
    // Tables for the firmware have their initial size here; QEMU resizes them.
    if (name.startsWith('/rom@')) return [warning('RAM_BLOCKS', text)]
    return [fault('RAM_BLOCKS', text, blockHint(name))]
  })
  if (faults.length > 0) return faults
  return [right('RAM_BLOCKS', `The ${saved.blocks.length} memory blocks fit`)]
}

function blockHint(name: string): string {
  if (name.endsWith('.rom') || name.startsWith('pc.bios') || name.startsWith('vga'))
    return 'The firmware differs from that of the saving host: install the same version of ipxe-qemu, seabios or OVMF'
  return 'The machine was saved with different XML: give that XML with --xml'
}

function checkDevices(saved: MachineShape, here: MachineShape): readonly Finding[] {
  if (saved.devices.length === 0)
    return [
      warning('DEVICES', 'The image does not describe its devices, so they were not compared'),
    ]
  const known = new Map(here.devices.map((one) => [keyOf(one), one]))
  const compared = saved.devices.filter(({ name }) => !ELSEWHERE.test(name))
  const faults = compared.flatMap((device) => {
    const mine = known.get(keyOf(device))
    if (mine === undefined) {
      const text = `The image has the state of the device ${inWords(device)}, which the machine of this XML lacks`
      return [
        fault(
          'DEVICES',
          text,
          'Add the device at the same address to the XML, with --xml or `stasis save-image-edit`',
        ),
      ]
    }
    if (mine.version >= device.version) return []
    const text = `The state of ${inWords(device)} has version ${device.version}; this QEMU reads versions up to ${mine.version}`
    return [fault('DEVICES', text, 'Use a QEMU that is at least as new as the one that saved it')]
  })
  if (faults.length > 0) return faults
  return [right('DEVICES', `The ${compared.length} devices fit`)]
}

/** Devices whose other half is a device or a program of the host: the machine of the comparison is without them (`harmlessArguments`). */
const ELSEWHERE = /\/(SCSIDevice|vhost-user-[a-z]+)$/

function keyOf({ name, instance }: DescribedDevice): string {
  return `${name}\0${instance}`
}

/** For example `0000:00:01.2:00.0/virtio-balloon`: the address, then the name. */
function inWords({ name, instance }: DescribedDevice): string {
  return instance === 0 ? `"${name}"` : `"${name}" number ${instance}`
}
