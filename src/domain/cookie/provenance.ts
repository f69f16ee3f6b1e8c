import { hostname } from 'node:os'
import { attribute, children, text } from '../../qemu/domain-xml/access.ts'
import { tagOfRootChild } from '../../qemu/domain-xml/tags.ts'
import { elementInCookie } from './cookie-element.ts'
import { escapeXml } from './escape-xml.ts'

/** The origin of an image; stored in its cookie, beside the data of libvirt. */
export interface Provenance {
  readonly qemuVersion: string
  readonly emulator: string
  readonly commandLine: readonly string[]
  /** Present for a QEMU that Stasis did not start: its image is restored from the command line, not from the XML. */
  readonly attached?: { readonly cwd: string } | undefined
}

const ORIGIN = { namespace: 'urn:stasis:origin:1', name: 'stasis:origin' } as const

/** The cookie of an image: libvirt ignores unknown elements in it. */
export function provenanceCookie(provenance: Provenance, time: Date): string {
  const argumentLines = provenance.commandLine
    .map((argument) => `    <stasis:arg>${escapeXml(argument)}</stasis:arg>\n`)
    .join('')
  return (
    `<cookie>\n` +
    `  <stasis:origin xmlns:stasis='${ORIGIN.namespace}' qemu='${escapeXml(provenance.qemuVersion)}'` +
    ` host='${escapeXml(hostname())}' time='${time.toISOString()}' emulator='${escapeXml(provenance.emulator)}'` +
    `${provenance.attached === undefined ? '' : ` cwd='${escapeXml(provenance.attached.cwd)}'`}>\n` +
    `${argumentLines}  </stasis:origin>\n` +
    `</cookie>\n`
  )
}

/** The QEMU in a cookie, when Stasis did not start it; `undefined` when it did, or the cookie is not ours. */
export function attachedProvenance(cookie: string | undefined): Provenance | undefined {
  // Nearly all cookies have none, and a restore asks more than once.
  if (cookie === undefined || tagOfRootChild(cookie, ORIGIN.name)?.includes('cwd') !== true)
    return undefined
  const element = elementInCookie(cookie, ORIGIN)
  const cwd = attribute(element, 'cwd')
  if (element === undefined || cwd === undefined) return undefined
  return {
    qemuVersion: attribute(element, 'qemu') ?? '',
    emulator: attribute(element, 'emulator') ?? '',
    commandLine: children(element, 'stasis:arg').map(text),
    attached: { cwd },
  }
}

/** The parts of `Provenance` that `image-info` shows, and when and where the image was saved. */
export interface ImageProvenance {
  readonly qemu: string
  readonly host: string
  readonly time: string
  readonly emulator: string
}

/** Reads the data of Stasis in a cookie (`provenanceCookie`); `undefined` for other cookies. */
export function readProvenance(cookie: string): ImageProvenance | undefined {
  const provenance = elementInCookie(cookie, ORIGIN)
  if (provenance === undefined) return undefined
  const [qemu = '', host = '', time = '', emulator = ''] = ['qemu', 'host', 'time', 'emulator'].map(
    (name) => attribute(provenance, name),
  )
  return { qemu, host, time, emulator }
}
