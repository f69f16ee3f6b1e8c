/** Compressed data that end early. */
export class UnexpectedEnd extends Error {
  constructor(where: string) {
    super(`the data end inside ${where}`)
    this.name = 'UnexpectedEnd'
  }
}
