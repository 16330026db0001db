import { refused, type Result } from '@bulkhead/intent';
import { Turn } from '../../turn.js';

/** Work for strangers: one at a time, and no more of it in line than this. */
export class Queue {
  private readonly turn = new Turn();
  private waiting = 0;

  constructor(private readonly most: number) {}

  async take<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
    if (this.waiting >= this.most)
      return refused('request.too-many', 'Too many are in line: come again.', { most: String(this.most) });
    this.waiting += 1;
    try {
      return await this.turn.take(work);
    } finally {
      this.waiting -= 1;
    }
  }
}
