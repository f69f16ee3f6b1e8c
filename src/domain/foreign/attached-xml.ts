import type { ForeignSerial } from '../../qemu/foreign/foreign-serial.ts'
import type { MachineFacts } from '../../qemu/process/inspect.ts'

/** Domain XML with the known facts about a QEMU that Stasis did not start. Its image is restored from the command line, not from this XML. */
export function attachedXml(
  facts: MachineFacts & {
    readonly name: string
    readonly uuid: string
    readonly emulator: string
    readonly serial: ForeignSerial | undefined
  },
): string {
  const { name, uuid, kvm, memoryBytes, vcpus, architecture, machine, emulator } = facts
  const disks = facts.disks
    .map(
      ({ path, format }, index) => `    <disk type='file' device='disk'>
      <driver name='qemu' type='${format}'/>
      <source file='${escapeXml(path)}'/>
      <target dev='vd${String.fromCharCode(97 + (index % 26))}' bus='virtio'/>
    </disk>
`,
    )
    .slice(0, 26)
    .join('')
  return `<domain type='${kvm ? 'kvm' : 'qemu'}'>
  <name>${escapeXml(name)}</name>
  <uuid>${uuid}</uuid>
  <memory unit='KiB'>${Math.ceil(memoryBytes / 1024)}</memory>
  <vcpu>${vcpus}</vcpu>
  <os>
    <type arch='${escapeXml(architecture)}' machine='${escapeXml(machine)}'>hvm</type>
  </os>
  <devices>
    <emulator>${escapeXml(emulator)}</emulator>
${disks}${serialXml(facts.serial)}  </devices>
</domain>
`
}

/** For the console. */
function serialXml(serial: ForeignSerial | undefined): string {
  if (serial === undefined) return ''
  if (serial.type === 'pty') return `    <serial type='pty'/>\n`
  const mode = serial.type === 'unix' ? ` mode='bind'` : ''
  return `    <serial type='${serial.type}'>
      <source${mode} path='${escapeXml(serial.path)}'/>
    </serial>
`
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll("'", '&apos;')
}
