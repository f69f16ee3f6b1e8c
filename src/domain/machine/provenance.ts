import { hostname } from 'node:os'
import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, text } from '../../qemu/domain-xml/access.ts'
import { parseXml } from '../../qemu/domain-xml/parse.ts'

/** Where an image comes from; kept in its cookie, beside what libvirt keeps there. */
export interface Origin {
  readonly qemuVersion: string
  readonly emulator: string
  readonly commandLine: readonly string[]
  /** Of a QEMU that Stasis did not start: its image is restored from the command line, not from the XML. */
  readonly attached?: { readonly cwd: string } | undefined
}

/** The namespace of our own elements in a cookie. */
const ORIGIN_NAMESPACE = 'urn:stasis:origin:1'

/** The cookie of an image: libvirt ignores what it does not know in it. */
export function originCookie(origin: Origin, time: Date): string {
  const argumentLines = origin.commandLine
    .map((argument) => `    <stasis:arg>${escapeXml(argument)}</stasis:arg>\n`)
    .join('')
  return (
    `<cookie>\n` +
    `  <stasis:origin xmlns:stasis='${ORIGIN_NAMESPACE}' qemu='${escapeXml(origin.qemuVersion)}'` +
    ` host='${escapeXml(hostname())}' time='${time.toISOString()}' emulator='${escapeXml(origin.emulator)}'` +
    `${origin.attached === undefined ? '' : ` cwd='${escapeXml(origin.attached.cwd)}'`}>\n` +
    `${argumentLines}  </stasis:origin>\n` +
    `</cookie>\n`
  )
}

/** Text for XML 1.0: markup is escaped, control characters, which it cannot hold, become U+FFFD. */
function escapeXml(text: string): string {
  return (
    text
      // oxlint-disable-next-line eslint/no-control-regex
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll("'", '&apos;')
  )
}

/** The QEMU in a cookie, when Stasis did not start it; `undefined` when it did, or the cookie is somebody else's. */
export function attachedOrigin(cookie: string | undefined): Origin | undefined {
  if (cookie === undefined || !cookie.includes(ORIGIN_NAMESPACE)) return undefined
  let element: Element | undefined
  try {
    element = child(parseXml(cookie).documentElement ?? undefined, 'stasis:origin')
  } catch {
    return undefined
  }
  const cwd = attribute(element, 'cwd')
  if (element === undefined || cwd === undefined) return undefined
  return {
    qemuVersion: attribute(element, 'qemu') ?? '',
    emulator: attribute(element, 'emulator') ?? '',
    commandLine: children(element, 'stasis:arg').map(text),
    attached: { cwd },
  }
}
