import java.lang.reflect.Method;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/** Programs with one thing wrong each, under names that a diagnosis has to find: `java Trouble deadlock hot locks virtual`. */
public final class Trouble {
    private static final Object LEFT = new Object();
    private static final ReentrantLock RIGHT = new ReentrantLock();
    private static final Object CROWDED = new StringBuilder();
    private static volatile double sink;

    public static void main(String[] args) throws Exception {
        for (String arg : args) {
            if (arg.equals("deadlock")) deadlock();
            else if (arg.equals("hot")) hot();
            else if (arg.equals("locks")) locks();
            else if (arg.equals("virtual")) virtual();
            else throw new IllegalArgumentException(arg);
        }
        System.out.println("stall=0 total=0 loops=0");
        Thread.sleep(Long.MAX_VALUE);
    }

    private static void start(String name, Runnable body) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        thread.start();
    }

    /** Two threads, each with the lock that the other one wants: two monitors. */
    private static void deadlock() {
        Object first = new StringBuilder();
        CountDownLatch both = new CountDownLatch(2);
        start("kprof-dead-1", () -> embrace(LEFT, first, both));
        start("kprof-dead-2", () -> embrace(first, LEFT, both));
    }

    private static void embrace(Object one, Object other, CountDownLatch both) {
        synchronized (one) {
            both.countDown();
            await(both);
            synchronized (other) {
                throw new IllegalStateException("no deadlock");
            }
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException cause) {
            throw new IllegalStateException(cause);
        }
    }

    /** One thread that burns a third of a core. */
    private static void hot() {
        start("kprof-hot", () -> {
            while (true) {
                long end = System.nanoTime() + 10_000_000;
                while (System.nanoTime() < end) sink += Math.sqrt(end);
                LockSupport.parkNanos(20_000_000);
            }
        });
    }

    /** One thread sits on a monitor and on a lock of java.util.concurrent; three and two wait for them. */
    private static void locks() {
        start("kprof-owner", () -> {
            synchronized (CROWDED) {
                RIGHT.lock();
                while (true) LockSupport.park();
            }
        });
        for (int i = 1; i <= 3; i++) start("kprof-waiter-" + i, Trouble::enter);
        for (int i = 1; i <= 2; i++) start("kprof-queued-" + i, RIGHT::lock);
    }

    private static void enter() {
        LockSupport.parkNanos(200_000_000);
        synchronized (CROWDED) {
            throw new IllegalStateException("nobody owns it");
        }
    }

    /** Virtual threads that sleep, found by reflection: this compiles for Java 8. */
    private static void virtual() throws Exception {
        Method start = Thread.class.getMethod("startVirtualThread", Runnable.class);
        for (int i = 0; i < 50; i++) start.invoke(null, (Runnable) Trouble::nap);
    }

    private static void nap() {
        while (true) LockSupport.parkNanos(3_600_000_000_000L);
    }
}
