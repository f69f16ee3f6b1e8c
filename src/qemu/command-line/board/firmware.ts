import { DomainXmlError } from '../../../errors.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import { blockdev } from '../arguments.ts'

const CODE = 'libvirt-pflash0-format'
const VARIABLES = 'libvirt-pflash1-format'

/** A file that must exist before the guest starts, and the file to copy it from. */
export interface FileToMake {
  readonly path: string
  readonly template: string
}

/**
 * The UEFI variable store, copied from its template when it does not exist. The launcher creates it before the first start of the domain; from then
 * on it belongs to the guest.
 *
 * @throws DomainXmlError `XML_UNSUPPORTED` when the template has another format
 */
export function filesToMake(domain: Domain): readonly FileToMake[] {
  const { nvram } = domain.os
  if (nvram?.path === undefined || nvram.template === undefined) return []
  if (nvram.format !== nvram.templateFormat) {
    throw new DomainXmlError(
      'XML_UNSUPPORTED',
      `/domain/os/nvram: a ${nvram.templateFormat} template cannot be converted to a ${nvram.format} file`,
    )
  }
  return [{ path: nvram.path, template: nvram.template }]
}

/** The flash memories of a UEFI firmware, as block nodes that `-machine` refers to. */
export function firmwareArguments(domain: Domain): readonly string[] {
  const { loader, nvram, firmware } = domain.os
  if (firmware === 'efi' && loader === undefined) {
    throw new DomainXmlError(
      'XML_UNSUPPORTED',
      '/domain/os/@firmware: the UEFI firmware files are missing',
      {
        hint: 'Give the files with <loader readonly="yes" type="pflash"> and <nvram template="…">',
      },
    )
  }
  if (loader === undefined) return []
  if (loader.type === 'rom') return ['-bios', loader.path]
  return [
    ...flash('libvirt-pflash0-storage', CODE, loader.path, loader.format, loader.readonly),
    ...(nvram?.path === undefined
      ? []
      : flash('libvirt-pflash1-storage', VARIABLES, nvram.path, nvram.format, false)),
    ...(loader.secure ? ['-global', 'driver=cfi.pflash01,property=secure,value=on'] : []),
  ]
}

/** The firmware options of `-machine`. */
export function firmwareMachineOptions(domain: Domain): readonly (readonly [string, string])[] {
  if (domain.os.loader?.type !== 'pflash') return []
  const variables = domain.os.nvram?.path
  return [['pflash0', CODE], ...(variables === undefined ? [] : [['pflash1', VARIABLES] as const])]
}

function flash(
  storage: string,
  node: string,
  filename: string,
  format: string,
  readonly: boolean,
): readonly string[] {
  return [
    ...blockdev({
      driver: 'file',
      filename,
      'node-name': storage,
      'auto-read-only': true,
      discard: 'unmap',
    }),
    ...blockdev({ 'node-name': node, 'read-only': readonly, driver: format, file: storage }),
  ]
}
