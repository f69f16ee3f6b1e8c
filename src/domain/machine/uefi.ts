import { dirname } from 'node:path'
import { UsageError } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import { DirectFile } from '../../io/files/direct-file.ts'
import { makeDirectory } from '../../io/files/directory.ts'
import { isThere, removeFile } from '../../io/files/file-names.ts'
import { writeBytes } from '../../io/records/write-bytes.ts'
import {
  descriptorDirectories,
  readFirmwareDescriptors,
} from '../../qemu/probe/firmware-descriptors.ts'
import type { Firmware } from '../../qemu/domain-xml/firmware.ts'
import { filesToMake } from '../../qemu/command-line/board/firmware.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'

/** Where distributions install UEFI firmware without descriptors: Debian and Ubuntu, Fedora, Arch, openSUSE. */
const KNOWN: readonly Firmware[] = (
  [
    ['x86_64', '/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'],
    ['x86_64', '/usr/share/OVMF/OVMF_CODE.fd', '/usr/share/OVMF/OVMF_VARS.fd'],
    ['x86_64', '/usr/share/edk2/ovmf/OVMF_CODE.fd', '/usr/share/edk2/ovmf/OVMF_VARS.fd'],
    ['x86_64', '/usr/share/edk2/x64/OVMF_CODE.4m.fd', '/usr/share/edk2/x64/OVMF_VARS.4m.fd'],
    ['x86_64', '/usr/share/qemu/ovmf-x86_64-code.bin', '/usr/share/qemu/ovmf-x86_64-vars.bin'],
    ['aarch64', '/usr/share/AAVMF/AAVMF_CODE.fd', '/usr/share/AAVMF/AAVMF_VARS.fd'],
  ] as const
).map(([architecture, loader, template]) => ({
  kind: 'uefi',
  mapping: 'split',
  loader: { path: loader, format: 'raw' },
  template: { path: template, format: 'raw' },
  targets: [{ architecture, machines: ['*'] }],
  features: new Set(['acpi-s3']),
}))

/** The firmware of this host, in the order of preference: that of its descriptors, then that in known places. Files that are missing are left out. */
export async function findFirmware(): Promise<readonly Firmware[]> {
  const described = await readFirmwareDescriptors(descriptorDirectories())
  const found: Firmware[] = []
  for (const one of [...described, ...KNOWN]) {
    const { loader, template } = one
    const there = template === undefined || (await isThere(template.path))
    if (there && (await isThere(loader.path))) found.push(one)
  }
  return found
}

/** The changes of a launch to the variable store of a domain. */
export interface NewVariableStore {
  /** Undoes it, because the guest does not run. */
  undo(): Promise<void>
}

/**
 * Creates the variable store of a domain from its template. Keeps an existing one, unless `reset` is set.
 * @throws StorageError; DomainXmlError XML_UNSUPPORTED when the template has another format; UsageError BAD_ARGUMENT if a reset is not possible
 */
export async function makeVariableStore(
  domain: Domain,
  { reset = false }: { readonly reset?: boolean | undefined } = {},
): Promise<NewVariableStore> {
  const { nvram } = domain.os
  if (reset && nvram?.path === undefined)
    throw new UsageError('BAD_ARGUMENT', 'The domain has no UEFI variable store that can be reset')
  if (nvram?.path === undefined || (!reset && (await isThere(nvram.path)))) return NOTHING
  const files = filesToMake(domain)
  if (reset && files.length === 0)
    throw new UsageError('BAD_ARGUMENT', 'The UEFI variable store of the domain has no template')
  const older = (await isThere(nvram.path)) ? await contentOf(nvram.path) : undefined
  for (const { path, template } of files) await write(path, await contentOf(template))
  return {
    undo: async () => {
      for (const { path } of files)
        await (older === undefined ? removeFile(path) : write(path, older))
    },
  }
}

const NOTHING: NewVariableStore = { undo: async () => undefined }

async function contentOf(path: string): Promise<Buffer> {
  try {
    await using source = await DirectFile.open(path, 'read', { direct: false })
    const content = Buffer.alloc(await source.size())
    await source.read(content, 0)
    return content
  } catch (error) {
    throw storageError('read the UEFI variable store', path, error)
  }
}

async function write(path: string, content: Buffer): Promise<void> {
  try {
    await makeDirectory(dirname(path))
    await writeBytes(path, content, { durable: true })
  } catch (error) {
    throw storageError('make the UEFI variable store', path, error)
  }
}
