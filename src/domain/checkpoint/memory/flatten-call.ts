/** What the program that flattens in the background has to do. */
export interface FlattenCall {
  readonly domain: string
  readonly name: string
  readonly stateDir: string
  readonly runtimeDir: string
}
