import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

/** A file, pipe or device that a person named, open for reading. */
export interface GivenFile {
  readonly fd: number
  /** A pipe or socket: a read may wait for a writer. */
  readonly isPipe: boolean
}

/** Standard input, which may be a socket, so that /dev/stdin cannot be opened. @throws the error of Node */
export function standardInput(): GivenFile {
  return withKind(0)
}

/** Opens it without waiting, even a pipe that nobody writes to. @throws the error of Node */
export function openGivenFile(path: string): GivenFile {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  return withKind(fd)
}

function withKind(fd: number): GivenFile {
  const facts = fstatSync(fd)
  return { fd, isPipe: facts.isFIFO() || facts.isSocket() }
}

/** The content of a file that does not wait, piece by piece; closes it. @throws the error of Node */
export function* piecesOf({ fd }: GivenFile): Generator<Uint8Array> {
  try {
    for (;;) {
      const piece = Buffer.alloc(65536)
      const length = readSync(fd, piece)
      if (length === 0) return
      yield piece.subarray(0, length)
    }
  } finally {
    closeSync(fd)
  }
}
