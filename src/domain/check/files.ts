import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type DiskLayer, localPath } from '../../qemu/domain-xml/model/storage/disk-source.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { type Finding, fault, right } from './finding.ts'

/** A file that a domain needs, and its purpose. */
interface NeededFile {
  readonly what: string
  readonly path: string
  readonly mode: number
  /** The file from which QEMU's start can make it if it is missing. */
  readonly template?: string | undefined
}

const READ = constants.R_OK
const WRITE = constants.R_OK | constants.W_OK

/** Checks whether the files of a domain (disks, kernel, firmware, logs) exist and can be used as the domain uses them. */
export async function checkFiles(domain: Domain): Promise<readonly Finding[]> {
  const needed = [...diskFiles(domain), ...bootFiles(domain), ...characterFiles(domain)]
  const faults = (await Promise.all(needed.map(checkFile))).flat()
  if (faults.length > 0) return faults
  return [right('FILES', `No file of the domain is missing (${needed.length} checked)`)]
}

async function checkFile({ what, path, mode, template }: NeededFile): Promise<readonly Finding[]> {
  if (await may(path, mode)) return []
  const missing = !(await may(path, constants.F_OK))
  if (missing && template !== undefined && (await may(template, READ))) return []
  const text = missing
    ? `${what} is missing: ${path}`
    : `${what} is not ${mode === WRITE ? 'writable' : 'readable'}: ${path}`
  const hint = missing
    ? 'Put the file back, or give another path with --xml (or change it in the image with `stasis save-image-edit`)'
    : 'Check the owner and the mode of the file and of the directories above it'
  return [fault('FILES', text, hint)]
}

function diskFiles({ disks }: Domain): readonly NeededFile[] {
  return disks.flatMap(({ target, source, readonly }) =>
    source === undefined ? [] : layers(`the disk ${target}`, source, readonly ? READ : WRITE),
  )
}

function layers(what: string, layer: DiskLayer, mode: number): readonly NeededFile[] {
  const path = localPath(layer)
  const own = path === undefined ? [] : [{ what: capital(what), path, mode }]
  const { backing: below, dataStore } = layer
  return [
    ...own,
    ...(dataStore === undefined ? [] : layers(`the data file of ${what}`, dataStore, mode)),
    ...(typeof below === 'object' ? layers(`the backing file of ${what}`, below, READ) : []),
  ]
}

function bootFiles({ os, firmwareSettings }: Domain): readonly NeededFile[] {
  const { nvram } = os
  const read = [
    { what: 'The kernel', path: os.kernel },
    { what: 'The initial RAM disk', path: os.initrd },
    { what: 'The device tree', path: os.deviceTree },
    { what: 'The shim', path: os.shim },
    ...os.acpiTables.map(({ path }) => ({ what: 'The ACPI table', path })),
    ...firmwareSettings.map(({ file }) => ({ what: 'The setting for the firmware', path: file })),
    { what: 'The firmware', path: os.loader?.path },
  ].flatMap(({ what, path }) => (path === undefined ? [] : [{ what, path, mode: READ }]))
  if (nvram?.path === undefined) return read
  const { path, template } = nvram
  return [...read, { what: 'The UEFI variable store', path, mode: WRITE, template }]
}

/** QEMU makes these files and sockets, so their directory must exist. */
function characterFiles({ serials, parallels, consoles, channels }: Domain): readonly NeededFile[] {
  const backends = [...serials, ...parallels, ...consoles, ...channels].map(
    ({ backend }) => backend,
  )
  const paths = backends.flatMap(({ type, mode, path, log }) => {
    const own = type === 'file' || (type === 'unix' && mode === 'bind') ? path : undefined
    return [own, log?.file].filter((one) => one !== undefined && one !== '')
  })
  const directories = new Set(paths.map((path) => dirname(path ?? '')))
  return [...directories].map((path) => ({
    what: 'The directory of a serial port, console or channel',
    path,
    mode: WRITE,
  }))
}

function capital(text: string): string {
  return `${text[0]?.toUpperCase()}${text.slice(1)}`
}

function may(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  )
}
