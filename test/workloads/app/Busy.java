import java.util.concurrent.locks.LockSupport;

/**
 * A program with something to be found in each kind of profile: a hot method, garbage, two threads that want
 * one lock. It measures how long it was held up itself, which a profiler must not make worse.
 */
public final class Busy {
    private static final Object LOCK = new Object();
    private static final long PERIOD = 400_000_000;
    /** Each has ticks of its own: there are many of these on a machine. */
    private static final long START = System.nanoTime();
    private static int percent = 15;
    private static volatile long loops;
    private static volatile Object garbage;
    private static double result;

    public static void main(String[] args) throws InterruptedException {
        if (args.length > 0) percent = Integer.parseInt(args[0]); // of one core
        start("kprof-worker-1", Busy::work);
        start("kprof-worker-2", Busy::work);
        start("kprof-allocator", Busy::allocate);
        measure();
    }

    private static void start(String name, Runnable body) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        thread.start();
    }

    /** At each tick both workers want the lock: one works, the other waits longer than JFR's threshold of 20 ms. */
    private static void work() {
        while (true) {
            LockSupport.parkNanos(PERIOD - (System.nanoTime() - START) % PERIOD);
            synchronized (LOCK) {
                long end = System.nanoTime() + PERIOD / 2 * percent / 100;
                while (System.nanoTime() < end) {
                    result += hotLoop(1_000);
                    loops++;
                }
            }
        }
    }

    static double hotLoop(int rounds) {
        double sum = 0;
        for (int i = 1; i <= rounds; i++) sum += Math.sqrt(i) / i;
        return sum;
    }

    private static void allocate() {
        while (true) {
            for (int i = 0; i < 64; i++) garbage = new byte[8 * 1024];
            LockSupport.parkNanos(20_000_000);
        }
    }

    private static void measure() throws InterruptedException {
        long longest = 0;
        long total = 0;
        long line = System.nanoTime();
        while (true) {
            long before = System.nanoTime();
            Thread.sleep(10);
            long now = System.nanoTime();
            longest = Math.max(longest, (now - before) / 1_000_000 - 10);
            if (now - line < 1_000_000_000) continue;
            total = Math.max(total, longest);
            System.out.println("stall=" + longest + " total=" + total + " loops=" + loops);
            longest = 0;
            line = now;
        }
    }
}
