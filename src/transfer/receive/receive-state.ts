/** Words of the shared memory that precede those of channels and slots. */
const EPOCH = 0
const DISCARDING = 1
const LEVEL = 2
const FIRST_CHANNEL = 3

/** No codec has such a level: pages are stored as they are. */
const STORE = -0x8000_0000

const FREE = 0
const TAKEN = 1
const ENDED = 2

/** A waiting thread checks again after this time: nothing wakes a thread that must end. */
const RECHECK_MS = 250

/**
 * The state that receiving threads share with the thread that writes: which thread reads from which channel, which slots are free. Every change wakes
 * the threads that wait.
 */
export class ReceiveState {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #channelCount: number
  readonly #firstOpened: number
  readonly #firstSlot: number
  readonly #slotCount: number

  /** Uses the `memory` of an instance on another thread, or new memory. */
  constructor(
    channelCount: number,
    slotCount: number,
    memory: SharedArrayBuffer = new SharedArrayBuffer(
      (FIRST_CHANNEL + channelCount * 2 + slotCount) * 4,
    ),
  ) {
    this.memory = memory
    this.#words = new Int32Array(memory)
    this.#channelCount = channelCount
    this.#firstOpened = FIRST_CHANNEL + channelCount
    this.#firstSlot = this.#firstOpened + channelCount
    this.#slotCount = slotCount
  }

  /** The compression level for the next packet; `undefined` stores its pages as they are. */
  get level(): number | undefined {
    const level = Atomics.load(this.#words, LEVEL)
    return level === STORE ? undefined : level
  }

  set level(level: number | undefined) {
    Atomics.store(this.#words, LEVEL, level ?? STORE)
  }

  /** Whether incoming data is only received and discarded. */
  get discarding(): boolean {
    return Atomics.load(this.#words, DISCARDING) !== 0
  }

  discard(): void {
    Atomics.store(this.#words, DISCARDING, 1)
    this.#changed()
  }

  /** The channels that no thread reads from; `undefined` when all have ended. */
  idleChannels(): readonly number[] | undefined {
    const idle: number[] = []
    let ended = 0
    for (let channel = 0; channel < this.#channelCount; channel += 1) {
      const state = Atomics.load(this.#words, FIRST_CHANNEL + channel)
      if (state === FREE) idle.push(channel)
      else if (state === ENDED) ended += 1
    }
    return ended === this.#channelCount ? undefined : idle
  }

  /** Reserves the channel for this thread; returns whether that succeeded. */
  takeChannel(channel: number): boolean {
    return this.#take(FIRST_CHANNEL + channel)
  }

  /** Whether this is the first read from the channel. Only for the thread that has reserved it. */
  openChannel(channel: number): boolean {
    return this.#take(this.#firstOpened + channel)
  }

  releaseChannel(channel: number): void {
    this.#set(FIRST_CHANNEL + channel, FREE)
  }

  endChannel(channel: number): void {
    this.#set(FIRST_CHANNEL + channel, ENDED)
  }

  /** Returns a free slot; waits for one. `undefined` when everything is being discarded. Not for the thread that writes. */
  takeSlot(): number | undefined {
    for (;;) {
      const epoch = this.epoch()
      if (this.discarding) return undefined
      for (let slot = 0; slot < this.#slotCount; slot += 1)
        if (this.#take(this.#firstSlot + slot)) return slot
      this.waitForChange(epoch)
    }
  }

  releaseSlot(slot: number): void {
    this.#set(this.#firstSlot + slot, FREE)
  }

  /** The present epoch; get it before a check, for `waitForChange`. */
  epoch(): number {
    return Atomics.load(this.#words, EPOCH)
  }

  /** Waits until something has changed since `epoch`, or a time limit passes. */
  waitForChange(epoch: number): void {
    Atomics.wait(this.#words, EPOCH, epoch, RECHECK_MS)
  }

  #take(word: number): boolean {
    return Atomics.compareExchange(this.#words, word, FREE, TAKEN) === FREE
  }

  #set(word: number, state: number): void {
    Atomics.store(this.#words, word, state)
    this.#changed()
  }

  #changed(): void {
    Atomics.add(this.#words, EPOCH, 1)
    Atomics.notify(this.#words, EPOCH)
  }
}
