import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type DiskLayer, localPath } from '../../../qemu/domain-xml/model/storage/disk-source.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'

/** A file that a domain needs, and its purpose. */
export interface NeededFile {
  readonly what: string
  readonly path: string
  readonly mode: number
  /** The file from which QEMU's start can make it if it is missing. */
  readonly template?: string | undefined
}

/** A file that a domain needs, and cannot use. */
export interface UnusableFile {
  readonly path: string
  readonly missing: boolean
  /** `The kernel is missing: /k`. */
  readonly text: string
}

const READ = constants.R_OK
const WRITE = constants.R_OK | constants.W_OK

/** The files that a machine of a domain needs when it is made: disks, kernel, firmware, logs, directories of sockets, shared directories. */
export function neededFiles(domain: Domain): readonly NeededFile[] {
  return [...diskFiles(domain), ...besidesDisks(domain)]
}

/** `neededFiles` without the disks. */
export function besidesDisks(domain: Domain): readonly NeededFile[] {
  return [...bootFiles(domain), ...characterFiles(domain), ...sharedDirectories(domain)]
}

/** Those of the files that do not exist, or that we may not use as the domain does. */
export async function unusableFiles(
  needed: readonly NeededFile[],
): Promise<readonly UnusableFile[]> {
  return (await Promise.all(needed.map(look))).filter((one) => one !== undefined)
}

async function look({ what, path, mode, template }: NeededFile): Promise<UnusableFile | undefined> {
  if (await may(path, mode)) return undefined
  const missing = !(await may(path, constants.F_OK))
  if (missing && template !== undefined && (await may(template, READ))) return undefined
  const text = missing
    ? `${what} is missing: ${path}`
    : `${what} is not ${mode === WRITE ? 'writable' : 'readable'}: ${path}`
  return { path, missing, text }
}

function sharedDirectories(domain: Domain): readonly NeededFile[] {
  return domain.sharedDirectories.flatMap(({ source }) => {
    const path =
      source.type === '9p'
        ? source.directory
        : 'directory' in source.from
          ? source.from.directory
          : undefined
    return path === undefined ? [] : [{ what: 'The shared directory', path, mode: READ }]
  })
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
