import java.util.ArrayList;
import java.util.List;

/**
 * A program with a heap of known size: `Heap MEBIBYTES [COUNT]` holds so much in blocks, small objects and lists, and COUNT instances of
 * Heap$Known. It says what it holds, and how long it was held up itself.
 */
public final class Heap {
    static final class Known {
        final int number;
        final Object next;

        Known(int number, Object next) {
            this.number = number;
            this.next = next;
        }
    }

    private static final List<Object> held = new ArrayList<>();

    public static void main(String[] args) throws InterruptedException {
        int mebibytes = args.length > 0 ? Integer.parseInt(args[0]) : 16;
        int count = args.length > 1 ? Integer.parseInt(args[1]) : 12_345;
        for (int i = 0; i < count; i++) held.add(new Known(i, held));
        // Half of it small objects, as real heaps have them: a string of some twenty letters takes about 72 bytes.
        for (int i = 0; i < mebibytes; i++) {
            held.add(new byte[512 * 1024]);
            String[] small = new String[7_000];
            for (int j = 0; j < small.length; j++) small[j] = "kprof-heap-" + i + "-" + j;
            held.add(small);
        }
        long total = 0;
        long longest = 0;
        long line = System.nanoTime();
        while (true) {
            long before = System.nanoTime();
            Thread.sleep(10);
            long now = System.nanoTime();
            longest = Math.max(longest, (now - before) / 1_000_000 - 10);
            if (now - line < 1_000_000_000) continue;
            total = Math.max(total, longest);
            System.out.println("stall=" + longest + " total=" + total + " known=" + count + " held=" + held.size());
            longest = 0;
            line = now;
        }
    }
}
