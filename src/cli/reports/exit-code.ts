import {
  CancelledError,
  DomainError,
  DomainXmlError,
  ImageError,
  QemuError,
  StasisError,
  StorageError,
  UsageError,
} from '../../errors.ts'
import { wrapText } from '../terminal/help-layout.ts'
import { ReceivedSignal } from '../terminal/received-signal.ts'

interface ErrorKind {
  readonly exitCode: number
  readonly meaning: string
  readonly matches: (error: unknown) => boolean
}

const KINDS: readonly ErrorKind[] = [
  // `entry.ts` ends so before anything is loaded.
  { exitCode: 1, meaning: 'Node.js is too old', matches: () => false },
  {
    exitCode: 2,
    meaning: 'the command line is wrong',
    matches: (error) => error instanceof UsageError,
  },
  {
    exitCode: 3,
    meaning: 'the domain is missing, exists already, is busy or in the wrong state',
    matches: (error) => error instanceof DomainError,
  },
  {
    exitCode: 4,
    meaning: 'the domain XML is malformed or asks for something that Stasis does not support',
    matches: (error) => error instanceof DomainXmlError,
  },
  {
    exitCode: 5,
    meaning: 'the file is not a save image, or the image is incomplete, damaged or unfit',
    matches: (error) => error instanceof ImageError && error.code !== 'IMAGE_DAMAGED',
  },
  {
    exitCode: 6,
    meaning: 'QEMU is missing, lacks a feature, refused or died',
    matches: (error) => error instanceof QemuError,
  },
  {
    exitCode: 7,
    meaning: 'the disk: no space, no permission, input/output error',
    matches: (error) => error instanceof StorageError,
  },
  {
    exitCode: 8,
    meaning: '`image-verify` or `image-salvage` found damage in the image, and listed it',
    matches: (error) => StasisError.is(error, 'IMAGE_DAMAGED'),
  },
  { exitCode: 70, meaning: 'a bug in Stasis', matches: () => false },
  {
    exitCode: 130,
    meaning: 'cancelled: Ctrl-C, domjobabort; by another signal: 128 and its number',
    matches: (error) => error instanceof CancelledError,
  },
]

const INTERNAL = 70

/** The exit code for a failure. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CancelledError && error.cause instanceof ReceivedSignal)
    return error.cause.exitCode
  return KINDS.find((kind) => kind.matches(error))?.exitCode ?? INTERNAL
}

/** The exit codes with their meanings, as `--help` shows them. */
export function exitCodeTable(width: number = Infinity): string {
  const rows = [{ exitCode: 0, meaning: 'done' }, ...KINDS]
  return rows
    .map(({ exitCode, meaning }) => {
      const text = wrapText(meaning, width - 7, 7)
      return `  ${String(exitCode).padStart(3)}  ${text}`
    })
    .join('\n')
}
