import { DOMParser, type Element, XMLSerializer } from '@xmldom/xmldom'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { child, children } from '../../src/qemu/domain-xml/access.ts'
import { guestPaths } from '../support/guests.ts'
import type { TestQemu } from '../support/qemus.ts'

/** A machine of another host, made to run on this one. */
export interface MachineHere {
  readonly xml: string
  /** What runs in it and proves that its memory is right. `firmware`: nothing besides its firmware, which cannot start our guests. */
  readonly guest: 'tiny' | 'linux' | 'firmware'
  /** The file with the output of the first serial port; `undefined` if it goes elsewhere. */
  readonly serial: string | undefined
  /** The sizes of the machine's memory: each NUMA cell and each module, or all. */
  readonly ramBytes: readonly number[]
  /** Those that a test may write to: all but that of virtio-mem, whose parts come only when the guest asks for them. */
  readonly writableBytes: readonly number[]
}

/** TCP ports of this host: one on which a server listens, and one that nobody uses. */
export interface FreePorts {
  readonly served: number
  readonly free: number
}

const MIB = 1024 * 1024
const DISK_BYTES = 4 * MIB
const FLOPPY_BYTES = 1440 * 1024
/** The memory that each machine gets, besides modules. */
export const MEMORY_BYTES: number = 256 * MIB
/** Unlike the memory of QXL and the heap of a thread, which have 64 MiB. */
const MODULE_BYTES = 96 * MIB

/**
 * Changes only the host's side of a domain XML that was made for another host: the accelerator with what TCG does not have (the VP index of
 * Hyper-V), the emulator and the version of its machine type, files, ports, and sizes of memory. Every device stays. Files that it needs are made in `dir`.
 */
export function onThisHost(
  text: string,
  dir: string,
  qemu: TestQemu,
  ports: FreePorts,
): MachineHere {
  const document = new DOMParser().parseFromString(text, 'text/xml')
  const domain = document.documentElement
  if (domain === null) throw new Error('This is not a domain XML')
  const devices = must(domain, 'devices')
  const os = must(domain, 'os')
  domain.setAttribute('type', 'qemu')
  must(devices, 'emulator').textContent = qemu.emulator
  const type = must(os, 'type')
  const machine = (type.getAttribute('machine') ?? '').replace(/-\d+\.\d+$/, `-${qemu.label}`)
  type.setAttribute('machine', machine)

  // QEMU lets only KVM have it.
  const vpIndex = child(child(child(domain, 'features'), 'hyperv'), 'vpindex')
  vpIndex?.parentNode?.removeChild(vpIndex)

  const linux = useKernel(os)
  useFiles(devices, dir)
  usePorts(devices, ports)
  const serial = useSerialFile(devices, `${dir}/serial`)
  const base = shrinkMemory(domain)
  const modules = shrinkModules(devices, dir)
  const asked = devices.getElementsByTagName('requested').length > 0
  return {
    xml: new XMLSerializer().serializeToString(document),
    guest: linux ? 'linux' : boots(os) ? 'tiny' : 'firmware',
    serial,
    ramBytes: [...base, ...modules],
    writableBytes: asked ? base : [...base, ...modules],
  }
}

/** The tiny guest is a boot sector, which UEFI does not start. */
function boots(os: Element): boolean {
  return os.getAttribute('firmware') !== 'efi' && child(os, 'loader') === undefined
}

function useKernel(os: Element): boolean {
  const { kernel, initrd, cmdline } = guestPaths()
  if (child(os, 'kernel') === undefined) return false
  must(os, 'kernel').textContent = kernel
  must(os, 'initrd').textContent = initrd
  must(os, 'cmdline').textContent = cmdline
  return true
}

function useFiles(devices: Element, dir: string): void {
  children(devices, 'disk').forEach((disk, index) => {
    const source = child(disk, 'source')
    if (source === undefined) return
    const path = `${dir}/disk${index}`
    const floppy = disk.getAttribute('device') === 'floppy'
    makeDisk(path, child(disk, 'driver')?.getAttribute('type') ?? 'raw', {
      size: floppy ? FLOPPY_BYTES : DISK_BYTES,
      boots: index === 0,
    })
    disk.setAttribute('type', 'file')
    source.removeAttribute('dev')
    source.setAttribute('file', path)
  })
  for (const filesystem of children(devices, 'filesystem')) {
    mkdirSync(`${dir}/shared`, { recursive: true })
    must(filesystem, 'source').setAttribute('dir', `${dir}/shared`)
  }
  children(devices).forEach((device, index) => {
    const source = child(device, 'source')
    if (device.getAttribute('type') === 'file' && source?.hasAttribute('path') === true)
      source.setAttribute('path', `${dir}/port${index}`)
  })
}

/** A disk with a boot sector of the tiny guest, or an empty one. */
function makeDisk(
  path: string,
  format: string,
  { size, boots: bootable }: { readonly size: number; readonly boots: boolean },
): void {
  const raw = format === 'raw' ? path : `${path}.raw`
  if (bootable) copyFileSync(guestPaths().tinyDisk, raw)
  else writeFileSync(raw, '')
  truncateSync(raw, size)
  if (format !== 'raw')
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', format, raw, path], { stdio: 'pipe' })
}

/** Displays choose their ports. */
function usePorts(devices: Element, { served, free }: FreePorts): void {
  for (const graphics of children(devices, 'graphics')) {
    if (graphics.hasAttribute('port')) graphics.setAttribute('port', '-1')
    graphics.setAttribute('autoport', 'yes')
  }
  for (const source of [...devices.getElementsByTagName('source')])
    if (source.hasAttribute('service'))
      source.setAttribute('service', String(source.getAttribute('mode') === 'bind' ? free : served))
}

/** Lets the first serial port, which virt-install calls a console, write to a file. */
function useSerialFile(devices: Element, path: string): string | undefined {
  const [port] = [...children(devices, 'serial'), ...children(devices, 'console')]
  if (port === undefined || child(port, 'target')?.getAttribute('type') === 'virtio')
    return undefined
  if (!/^(pty|file)$/.test(port.getAttribute('type') ?? '')) return undefined
  port.setAttribute('type', 'file')
  const source = child(port, 'source') ?? port.ownerDocument?.createElement('source')
  if (source === undefined || source === null) return undefined
  source.setAttribute('path', path)
  source.setAttribute('append', 'on')
  port.insertBefore(source, port.firstChild)
  return path
}

function shrinkMemory(domain: Element): readonly number[] {
  const numa = child(child(domain, 'cpu'), 'numa')
  const cells = numa === undefined ? [] : children(numa, 'cell')
  const cellBytes = MEMORY_BYTES / Math.max(cells.length, 1)
  for (const name of ['memory', 'currentMemory']) {
    const element = child(domain, name)
    if (element !== undefined) element.textContent = String(MEMORY_BYTES / 1024)
  }
  for (const cell of cells) cell.setAttribute('memory', String(cellBytes / 1024))
  return cells.length === 0 ? [MEMORY_BYTES] : cells.map(() => cellBytes)
}

function shrinkModules(devices: Element, dir: string): readonly number[] {
  return children(devices, 'memory').map((module, index) => {
    const path = child(child(module, 'source'), 'path')
    if (path !== undefined) {
      path.textContent = `${dir}/module${index}`
      writeFileSync(`${dir}/module${index}`, '')
      truncateSync(`${dir}/module${index}`, MODULE_BYTES)
    }
    const target = must(module, 'target')
    must(target, 'size').textContent = String(MODULE_BYTES / 1024)
    const requested = child(target, 'requested')
    if (requested !== undefined) requested.textContent = String(MODULE_BYTES / 2048)
    return MODULE_BYTES
  })
}

function must(parent: Element, name: string): Element {
  const found = child(parent, name)
  if (found === undefined) throw new Error(`<${name}> is missing in <${parent.nodeName}>`)
  return found
}
