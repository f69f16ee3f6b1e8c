/** A domain XML and the file that it came from, for messages. */
export interface XmlText {
  readonly text: string
  readonly path?: string | undefined
}
