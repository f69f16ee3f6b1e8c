/** Text for XML 1.0: markup is escaped. Characters that XML does not allow become `?`, and so does U+FFFD: our parser refuses it as a broken encoding. */
export function escapeXml(text: string): string {
  return (
    text
      // oxlint-disable-next-line eslint/no-control-regex
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffd-\uffff]/g, '?')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll("'", '&apos;')
      // In an attribute they would become spaces.
      .replaceAll(/[\t\n\r]/g, (space) => `&#${space.charCodeAt(0)};`)
  )
}
