import { hostname } from 'node:os'

/** Where an image comes from; kept in its cookie, beside what libvirt keeps there. */
export interface Origin {
  readonly qemuVersion: string
  readonly emulator: string
  readonly commandLine: readonly string[]
}

/** The namespace of our own elements in a cookie. */
export const ORIGIN_NAMESPACE = 'urn:stasis:origin:1'

/** The cookie of an image: libvirt ignores what it does not know in it. */
export function originCookie(origin: Origin, time: Date): string {
  const argumentLines = origin.commandLine
    .map((argument) => `    <stasis:arg>${escapeXml(argument)}</stasis:arg>\n`)
    .join('')
  return (
    `<cookie>\n` +
    `  <stasis:origin xmlns:stasis='${ORIGIN_NAMESPACE}' qemu='${escapeXml(origin.qemuVersion)}'` +
    ` host='${escapeXml(hostname())}' time='${time.toISOString()}' emulator='${escapeXml(origin.emulator)}'>\n` +
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
