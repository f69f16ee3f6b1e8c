import { TPM_CHARDEV } from '../devices/tpm.ts'

/** Nodes of the UEFI firmware: their sizes determine guest memory, so they stay, read-only. */
const FLASH = 'libvirt-pflash'

/** Any size works: no device's state depends on it. */
const EMPTY_DISK_BYTES = 1024 * 1024 * 1024

/**
 * Arguments for a machine that looks the same to its guest, but is cut off from the host: it opens no disk, file, network or socket of the domain and
 * omits its direct kernel. For a machine that is only inspected. `directory` receives the socket of a SPICE server, without which QEMU has no QXL
 * card. Files with ACPI tables stay, because they determine the size of a RAM block; they are only read.
 */
export function harmlessArguments(argv: readonly string[], directory: string): readonly string[] {
  const kept: string[] = []
  for (let at = 0; at < argv.length; at += 1) {
    const option = argv[at] ?? ''
    const value = argv[at + 1] ?? ''
    switch (option) {
      case '-blockdev':
        kept.push(option, emptyNode(value))
        break
      case '-object':
        if (!needsHost(value)) kept.push(option, ordinaryObject(value))
        break
      case '-netdev':
        kept.push(option, unpluggedNetwork(value))
        break
      case '-chardev':
        // An emulated TPM is part of the machine; it has a new state of its own.
        kept.push(option, idOf(value) === TPM_CHARDEV ? value : `null,id=${idOf(value)}`)
        break
      case '-spice':
        kept.push(option, `unix=on,addr=${directory}/spice,disable-ticketing=on`)
        break
      case '-display':
        // Cards with OpenGL need one display that has it, and this one shows nothing to anybody.
        kept.push(option, value.startsWith('egl-headless') ? value : 'none')
        break
      case '-full-screen':
        continue
      case '-audiodev': {
        const { id } = JSON.parse(value) as { readonly id?: unknown }
        kept.push(option, JSON.stringify({ id, driver: 'none' }))
        break
      }
      case '-fsdev':
        kept.push(option, `synth,id=${idOf(value)}`)
        break
      case '-device':
        kept.push(...withoutHostDevice(value))
        break
      case '-vnc':
      case '-kernel':
      case '-initrd':
      case '-append':
      case '-dtb':
      case '-shim':
      case '-fw_cfg':
        break
      default:
        kept.push(option)
        continue
    }
    at += 1
  }
  return kept
}

/**
 * A USB device that nobody has plugged in, and a vsock with an address that no guest has: its own is taken while its guest runs. The others are left
 * out: most are in no image, because QEMU saves none of them, and QEMU waits for the server of `ivshmem-doorbell`.
 */
function withoutHostDevice(json: string): readonly string[] {
  const {
    hostdevice: _a,
    vendorid: _b,
    productid: _c,
    ...rest
  } = JSON.parse(json) as Readonly<Record<string, unknown>>
  const driver = String(rest['driver'])
  if (
    /^(vfio-|vhost-user-|vhost-scsi-|virtio-input-host|ivshmem-doorbell|scsi-generic)/.test(driver)
  )
    return []
  // They have the same state, and only the one needs a device of the host.
  if (driver === 'scsi-block') return ['-device', JSON.stringify({ ...rest, driver: 'scsi-hd' })]
  if (rest['guest-cid'] !== undefined)
    return ['-device', JSON.stringify({ ...rest, 'guest-cid': 0xff_00_00_00 + process.pid })]
  return ['-device', driver === 'usb-host' ? JSON.stringify(rest) : json]
}

function emptyNode(json: string): string {
  const node = JSON.parse(json) as Readonly<Record<string, unknown>>
  const name = String(node['node-name'])
  if (name.startsWith(FLASH)) return JSON.stringify({ ...node, 'read-only': true })
  if (node['file'] === undefined) {
    const size = EMPTY_DISK_BYTES
    return JSON.stringify({ driver: 'null-co', 'node-name': name, size, 'read-zeroes': true })
  }
  const { file, 'read-only': readOnly } = node
  return JSON.stringify({ driver: 'raw', 'node-name': name, 'read-only': readOnly, file })
}

/** An input device of the host, certificates, a program that makes reservations: the guest sees nothing of them. */
function needsHost(json: string): boolean {
  const { 'qom-type': type } = JSON.parse(json) as Readonly<Record<string, unknown>>
  return ['input-linux', 'tls-creds-x509', 'pr-manager-helper'].includes(String(type))
}

/** Memory of that size which is neither a file of the host nor bound to its nodes; random numbers that come from QEMU. */
function ordinaryObject(json: string): string {
  const object = JSON.parse(json) as Readonly<Record<string, unknown>>
  const { 'qom-type': type, id, size } = object
  if (String(type).startsWith('rng-')) return JSON.stringify({ 'qom-type': 'rng-builtin', id })
  if (!String(type).startsWith('memory-backend-')) return json
  const name = 'x-use-canonical-path-for-ramblock-id'
  return JSON.stringify({ 'qom-type': 'memory-backend-ram', id, size, [name]: object[name] })
}

/** User networking has state of its own in the stream (`slirp`), so it stays; its ports on the host are closed. */
function unpluggedNetwork(json: string): string {
  const { type, id } = JSON.parse(json) as { type?: unknown; id?: unknown }
  return JSON.stringify(type === 'user' ? { type, id } : { type: 'hubport', id, hubid: 0 })
}

/** The id in `name=value,…` syntax. */
function idOf(value: string): string {
  return /(?:^|,)id=(?<id>[^,]+)/.exec(value)?.groups?.['id'] ?? ''
}
