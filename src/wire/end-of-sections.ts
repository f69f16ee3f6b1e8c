import { Buffer } from 'node:buffer'
import { SECTION } from './stream-constants.ts'

/**
 * Finds the end of the device sections: the end mark, after which the stream is over or holds one description (a JSON text with its length). Sections
 * carry no lengths, so the search runs backwards. Returns `undefined` when there is no end.
 */
export function endOfSections(devices: Buffer): number | undefined {
  for (let at = devices.length - 7; at >= 0; at -= 1) {
    at = devices.lastIndexOf(DESCRIPTION_START, at)
    if (at < 0) break
    if (at + 6 + devices.readUInt32BE(at + 2) === devices.length && devices[at + 6] === 0x7b)
      return at
  }
  return devices.at(-1) === SECTION.END_OF_STREAM ? devices.length - 1 : undefined
}

const DESCRIPTION_START = Buffer.from([SECTION.END_OF_STREAM, SECTION.DESCRIPTION])
