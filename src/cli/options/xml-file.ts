import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { ReadStream, isatty } from 'node:tty'
import type { XmlText } from '../../domain/store/xml-text.ts'
import { UsageError, throwIfCancelled } from '../../errors.ts'
import { storageError } from '../../io/storage-error.ts'
import { decodeXml } from '../../qemu/domain-xml/encoding.ts'
import { openGivenFile, piecesOf, standardInput } from '../../io/files/given-file.ts'

/** Longer than any domain XML (`MAX_DOMAIN_XML_BYTES`): a device such as /dev/zero has no end. */
const MAX_BYTES = 64 * 1024 * 1024

/**
 * Reads domain XML, in any encoding that XML may have, from a file, a pipe (`-` is standard input) or a terminal. A wait for a pipe or terminal ends with
 * `signal`; a read by Node's threads would not.
 * @throws StorageError, DomainXmlError, UsageError BAD_ARGUMENT
 */
export async function readXmlFile(path: string, signal: AbortSignal): Promise<XmlText> {
  return { text: decodeXml(await readBytes(path, signal), path), path }
}

/** Reads the file of an `--xml` option, if there is one. @throws as `readXmlFile` */
export async function readXmlOption(
  path: string | undefined,
  signal: AbortSignal,
): Promise<XmlText | undefined> {
  return path === undefined ? undefined : readXmlFile(path, signal)
}

async function readBytes(path: string, signal: AbortSignal): Promise<Buffer> {
  try {
    const file = path === '-' ? standardInput() : openGivenFile(path)
    const waits = file.isPipe || isatty(file.fd)
    const bytes = await collect(path, waits ? streamOf(file.fd, signal) : piecesOf(file))
    if (bytes.length === 0 && file.isPipe)
      throw new UsageError('BAD_ARGUMENT', `${path} is a pipe without a writer`, { path })
    return bytes
  } catch (error) {
    throwIfCancelled('read the domain XML', signal)
    throw storageError('read the domain XML', path, error)
  }
}

async function collect(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Buffer> {
  const found: Uint8Array[] = []
  let length = 0
  for await (const piece of pieces) {
    length += piece.length
    if (length > MAX_BYTES)
      throw new UsageError('BAD_ARGUMENT', `${path} is not a domain XML: it is too long`, { path })
    found.push(piece)
  }
  return Buffer.concat(found)
}

/** The stream closes the descriptor. */
function streamOf(fd: number, signal: AbortSignal): Readable {
  const stream = isatty(fd) ? new ReadStream(fd) : new Socket({ fd, readable: true })
  signal.addEventListener('abort', () => stream.destroy(signal.reason as Error), { once: true })
  return stream
}
