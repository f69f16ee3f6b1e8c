import { constants } from 'node:os'

/** The reason of a cancel: the process received a signal. */
export class ReceivedSignal extends Error {
  /** 128 and the number of the signal, as a shell shows a program that a signal ended. */
  readonly exitCode: number

  constructor(signal: NodeJS.Signals) {
    super(`Received ${signal}`)
    this.exitCode = 128 + constants.signals[signal]
  }
}
