import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { connect } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { filesOf } from '../../host/files.ts'

/** Sends the files of a plain receiver to QEMU, the main channel first. */
export async function sendFiles(path: string, socket: string): Promise<void> {
  const sending: Promise<void>[] = []
  for (const name of (await filesOf(path)).toSorted()) {
    const connection = connect(socket)
    await once(connection, 'connect')
    sending.push(pipeline(createReadStream(name, { highWaterMark: 4 * 1024 * 1024 }), connection))
  }
  await Promise.all(sending)
}
